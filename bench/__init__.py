"""Measure Isthmus beside the real nats-server: `python -m bench`, or `make bench`."""
