"""A small world in a folder: git over HTTP, an AWS in process, a registry. For the demo, and for many tests."""
