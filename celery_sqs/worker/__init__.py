"""A worker's main process: requests, batches, steps, preflight, health."""
