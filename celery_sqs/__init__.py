"""What Celery lacks on SQS: transport, wire format, failure semantics. Knows no orders."""

__version__ = "0.2.0"
