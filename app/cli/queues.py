"""`flask queues`: the two queues, made on an emulator, and shown."""

import click
from botocore.exceptions import BotoCoreError, ClientError

from app.cli.group import PlainGroup
from app.cli.preflight import report
from app.cli.screen import line, print_json
from app.dependencies.queue_numbers import read_both
from app.services import services
from celery_sqs.aws.endpoint import client
from celery_sqs.aws.provision import provision
from celery_sqs.errors import RealEndpoint
from celery_sqs.worker.preflight import OutOfReach
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


@queues.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(as_json: bool) -> None:
    """Show all that SQS says of the queue and its DLQ, and the time line from the one to the other."""
    settings, found = services().settings, report()
    try:
        both = read_both(client(endpoint(settings)), settings.sqs_queue_url, settings.sqs_dlq_url)
    except (BotoCoreError, ClientError, OSError, LookupError, ValueError) as error:
        raise OutOfReach(f"SQS does not tell the queues' attributes: {error}") from error
    if as_json:
        print_json({"queue": both.work, "dlq": both.dlq, "timeline": found.timeline.splitlines()})
        return
    for queue in filter(None, (both.work, both.dlq)):
        click.echo(f"{queue.name}  {queue.url}")
        for attribute in queue.attributes:
            click.echo(f"  {attribute.name:<38} {line(attribute.text)}")
        click.echo()
    for text in (*found.timeline.splitlines(), *found.contradictions):
        click.echo(text)
