"""The client tool: one verb, one module."""
