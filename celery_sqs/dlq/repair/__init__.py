"""Repairs of dead messages: planned, run, confirmed, and kept on record."""
