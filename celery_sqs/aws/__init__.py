"""The client of SQS: calls, batches, pauses between tries, and what a queue says of itself."""
