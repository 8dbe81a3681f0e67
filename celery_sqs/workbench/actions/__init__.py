"""What an operator does about dead messages: dry run, redrive, edit, discard."""
