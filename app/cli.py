"""The operator's commands: `flask --app app ...`."""

from datetime import timedelta

import click
from flask import Flask

from app import tokens
from app.auth import READ, WRITE
from app.services import services
from config.queues import ORDER_QUEUE
from tasks.application import create_celery, endpoint
from tasks.sqs.clients import client
from tasks.sqs.errors import RealEndpoint
from tasks.sqs.preflight import Limits, OutOfReach, examine
from tasks.sqs.provision import provision


def init_app(app: Flask) -> None:
    """Give the application its commands."""
    app.cli.add_command(token)
    app.cli.add_command(queues)
    app.cli.add_command(preflight)


@click.command()
@click.option("--user", "user_id", type=click.IntRange(min=1), default=1, show_default=True, help="Numeric user id.")
@click.option("--scope", "scopes", multiple=True, default=[READ, WRITE], show_default=True, help="May be repeated.")
@click.option("--hours", type=click.IntRange(1, 24 * 31), default=24, show_default=True, help="Lifetime.")
def token(user_id: int, scopes: list[str], hours: int) -> None:
    """Print a bearer token signed with JWT_SECRET."""
    made = tokens.issue_for(services().settings, user_id, list(scopes), timedelta(hours=hours))
    if made is None:
        raise click.ClickException("JWT_JWKS_URL is set: tokens come from the identity provider")
    click.echo(made)


@click.command()
@click.pass_context
def preflight(context: click.Context) -> None:
    """Say what the queues' numbers mean and what contradicts them.

    Ends with 0 if nothing does, with 1 if something does, and with 2 if SQS cannot be asked.
    """
    settings = services().settings
    limits = Limits.of(create_celery(settings).conf)
    try:
        report = examine(client(endpoint(settings)), settings.sqs_queue_url, settings.sqs_dlq_url, limits)
    except OutOfReach as error:
        click.echo(f"preflight: {error}", err=True)
        context.exit(2)
    for line in (*report.timeline.splitlines(), *report.contradictions):
        click.echo(line)
    context.exit(1 if report.contradictions else 0)


@click.group()
def queues() -> None:
    """Work with the queues."""


@queues.command()
def create() -> None:
    """Create the queues on a development emulator, with the numbers of config/queues.py."""
    settings = services().settings
    dlq_url = settings.sqs_dlq_url
    try:
        url = provision(
            client(endpoint(settings)),
            queue=settings.queue_name,
            dlq=dlq_url.rsplit("/", 1)[-1] if dlq_url else ORDER_QUEUE.dlq.name,
            visibility_timeout=ORDER_QUEUE.visibility_timeout,
            retention=ORDER_QUEUE.retention,
            receive_wait=ORDER_QUEUE.receive_wait,
            max_receive_count=ORDER_QUEUE.max_receive_count,
            dlq_retention=ORDER_QUEUE.dlq.retention,
        )
    except RealEndpoint as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"queue ready: {url}")
