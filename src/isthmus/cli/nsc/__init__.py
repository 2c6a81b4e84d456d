"""The account tool: one verb, one module."""
