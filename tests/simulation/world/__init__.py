"""What stands around the simulated workers: messages, SQS behind calls that fail, stores, and a pool."""
