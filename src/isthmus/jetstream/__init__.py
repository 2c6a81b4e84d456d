"""What the messages mean: streams and consumers, their configuration, their API."""
