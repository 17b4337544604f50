"""Makers and servers that tests share."""
