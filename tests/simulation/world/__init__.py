"""What stands around the simulated workers: messages and what becomes of them, SQS behind calls that fail, stores, a pool."""
