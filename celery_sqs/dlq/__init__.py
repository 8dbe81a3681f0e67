"""The dead-letter queue: what is in it, and repairing it."""
