"""`flask queues`: the two queues, made on an emulator. `celery -A tasks sqs` shows them."""

import click

from app.services import services
from celery_sqs import NotAnEmulator, boto3_client
from celery_sqs.dlq.cli import PlainGroup
from celery_sqs.testing import provision
from config.queues import ORDER_QUEUE
from tasks.application import endpoint


@click.group(cls=PlainGroup)
def queues() -> None:
    """Work with the queues."""


@queues.command()
def create() -> None:
    """Create the queues on a development emulator, with the numbers of config/queues.py."""
    settings = services().settings
    dlq_url = settings.sqs_dlq_url
    try:
        url = provision(
            boto3_client(endpoint(settings)),
            queue=settings.queue_name,
            dlq=dlq_url.rsplit("/", 1)[-1] if dlq_url else ORDER_QUEUE.dlq.name,
            visibility_timeout=ORDER_QUEUE.visibility_timeout,
            retention=ORDER_QUEUE.retention,
            receive_wait=ORDER_QUEUE.receive_wait,
            max_receive_count=ORDER_QUEUE.max_receive_count,
            dlq_retention=ORDER_QUEUE.dlq.retention,
        )
    except NotAnEmulator as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"queue ready: {url}")
