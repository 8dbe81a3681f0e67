"""taskiq on taskiq-aio-sqs."""
