"""Receiving: polls, leases, and settling what was received."""
