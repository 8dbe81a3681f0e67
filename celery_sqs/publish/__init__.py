"""Sending: from a call to a confirmed message."""
