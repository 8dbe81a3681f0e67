"""Celery's own integration tests, run on this transport: `make test-celery`."""
