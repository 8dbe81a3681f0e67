"""The task classes, and what a failure means for its message."""
