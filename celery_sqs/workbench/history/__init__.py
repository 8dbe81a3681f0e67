"""The time line of a task: what is on record of it, from the call to its end or the DLQ."""
