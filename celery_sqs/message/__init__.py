"""A task call as an SQS message, and back."""
