"""What `celery -A tasks flower` goes by: Flower reads this file from its working directory.

Each name that is an option of Flower's is a default for it, and an option on the command line wins:
https://flower.readthedocs.io/en/latest/config.html. Flower's own environment variables (FLOWER_...) do not.
"""

import sys

from config import logging as logs
from config.settings import boot

settings = boot()
if not settings.operators:
    sys.exit("flower: OPERATORS names nobody who may look at it. Set it to NAME:PASSWORD,...")

address = settings.bind_host
port = settings.flower_port
basic_auth = [f"{name}:{password}" for name, password in settings.operators.items()]

read_only = True  # most of what Flower offers to do is a broadcast, which SQS does not have
persistent = False  # what it shows is in the database
max_tasks = 100_000  # the newest; about 6 KB of memory each
purge_offline_workers = 24 * 60 * 60  # seconds that a worker is listed after it has gone

logs.configure(settings.log_level, settings.log_format)
logging = "none"  # Tornado's own way to set up logs
