"""Demonstrations: scenarios typed into the real tools, on an own server."""
