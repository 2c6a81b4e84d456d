"""Facts of the NATS world that need no behaviour: subjects, headers, errors, values, ports."""
