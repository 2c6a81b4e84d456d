"""Isthmus: multi-tenant, NATS-compatible messaging with JetStream and operator-mode trust."""
