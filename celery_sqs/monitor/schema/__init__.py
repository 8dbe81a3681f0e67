"""The tables of the monitor's database, those of `celery_sqs.dlq` among them, and their migrations."""
