"""What SQS and the database say of themselves. Nobody waits for their answers longer than a second."""
