"""What a process is told: settings from the environment, queue facts, logging, gunicorn."""
