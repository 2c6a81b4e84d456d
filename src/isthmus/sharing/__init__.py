"""One grant as one object: what it needs, whether it is complete, why it does not work."""
