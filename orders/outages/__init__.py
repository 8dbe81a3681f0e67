"""What keeps an outage or a lock from holding up orders: deadlines, a probe, and writing around locks."""
