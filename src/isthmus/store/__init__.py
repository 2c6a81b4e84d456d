"""Messages at rest: the Python owners of the compiled journal, segments and subject tree."""
