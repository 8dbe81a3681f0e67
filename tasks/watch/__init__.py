"""Watching: what becomes of every task and worker, in tables; Flower and remote control on them."""
