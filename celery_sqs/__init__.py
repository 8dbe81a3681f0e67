"""What Celery lacks on SQS: transport, wire format, failure semantics. Knows no orders."""
