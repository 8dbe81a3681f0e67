"""`flask database`: what an administrator does for the services' logins."""

from typing import Final

import click

from app.services import services
from celery_sqs.dlq.cli import PlainGroup
from orders.grants import Refused
from orders.grants import grant as grant_rights

#: What web does with the database where it has no workbench: it reads an order's state, and writes its events.
WEB_RIGHTS: Final = {
    **dict.fromkeys(
        ("orders", "attempts", "dead_messages", "repairs", "repair_items", "scans", "missing_orders"), "SELECT"
    ),
    **dict.fromkeys(("task_state", "task_minutes"), "SELECT, INSERT, UPDATE"),
}


@click.group(cls=PlainGroup)
def database() -> None:
    """Work with the database as its administrator."""


@database.command()
@click.option("--user", required=True, envvar="SERVICE_DATABASE_USER", show_envvar=True, help="The services' login.")
@click.option("--password", required=True, envvar="SERVICE_DATABASE_PASSWORD", show_envvar=True, help="Its password.")
@click.option("--web", is_flag=True, help="A login for web alone, without a workbench; migrate the database first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def grant(user: str, password: str, *, web: bool, yes: bool) -> None:
    """Let a user read and write rows of the database, and nothing else; it is created, or gets this password.

    With --web it reads the tables that an order's state comes from, and writes task events; a user that may do more
    is refused. Without it, you are asked first whether a user that has rights to a part of the database gets all.

    Run it as an administrator, whom DATABASE_URL, DATABASE_USER and DATABASE_PASSWORD name. The password is better
    off in the environment, as a command line is everybody's to read.
    """

    def may_widen(question: str) -> bool:
        return yes or click.confirm(question, abort=True)

    try:
        done = grant_rights(services().engine, user, password, WEB_RIGHTS if web else None, may_widen)
    except Refused as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"database: {done}")
