"""What is done to the DLQs without anybody asking: they are scanned, and what is dead with attempts left is sent."""
