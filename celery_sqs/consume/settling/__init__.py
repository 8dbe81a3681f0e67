"""Ending deliveries: messages are deleted, released or renewed."""
