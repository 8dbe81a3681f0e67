"""`flask database`: what an administrator does for the services' login."""

import click

from app.services import services
from celery_sqs.dlq.cli import PlainGroup
from orders.grants import Refused
from orders.grants import grant as grant_rights


@click.group(cls=PlainGroup)
def database() -> None:
    """Work with the database as its administrator."""


@database.command()
@click.option("--user", required=True, envvar="SERVICE_DATABASE_USER", show_envvar=True, help="The services' login.")
@click.option("--password", required=True, envvar="SERVICE_DATABASE_PASSWORD", show_envvar=True, help="Its password.")
def grant(user: str, password: str) -> None:
    """Let a user read and write rows of the database, and nothing else; it is created, or gets this password.

    Run it as an administrator, whom DATABASE_URL, DATABASE_USER and DATABASE_PASSWORD name. The password is better
    off in the environment, as a command line is everybody's to read.
    """
    try:
        click.echo(f"database: {grant_rights(services().engine, user, password)}")
    except Refused as error:
        raise click.ClickException(str(error)) from error
