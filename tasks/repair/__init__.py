"""Repairing: the DLQ mirrored in tables, grouped by reason, tried, sent again, edited and discarded, on record."""
