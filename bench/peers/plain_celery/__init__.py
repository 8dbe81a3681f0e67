"""Plain Celery on kombu's own SQS transport."""
