"""The command-line skins: the server command, nsc, nats, the demonstration."""
