"""Documents about the state of a server, and the small HTTP shell that serves them."""
