"""The operators' workbench at /monitor: what is going on, where an order is, and what to do about dead ones."""
