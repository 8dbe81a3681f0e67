"""dramatiq on dramatiq_sqs."""
