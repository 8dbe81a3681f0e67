"""Writing orders exactly once."""
