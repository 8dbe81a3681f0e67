"""A hand-written loop."""
