"""Configuration: settings from the environment, queue facts, logging, gunicorn."""
