"""What becomes of a run, to Celery and to whoever listens to it: success, RETRY, FAILURE, and what follows."""
