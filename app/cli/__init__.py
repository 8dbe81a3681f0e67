"""The operator's commands: `flask --app app ...`."""

from flask import Flask

from app.cli.database import database
from app.cli.dlq import dlq
from app.cli.orders import orders
from app.cli.queues import queues
from app.cli.token import token


def init_app(app: Flask) -> None:
    """Give the application its commands."""
    for command in (token, queues, database, dlq, orders):
        app.cli.add_command(command)
