"""A manifest repository on a git server, and a clone of it."""

from tests.support.manifest_server import bare, clone, server, url

__all__ = ["bare", "clone", "server", "url"]
