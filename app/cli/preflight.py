"""`flask preflight`: what the queues' numbers mean, and what contradicts them."""

import click

from app.services import services
from celery_sqs.aws.endpoint import client
from celery_sqs.worker.preflight import Limits, OutOfReach, Report, examine
from tasks.application import endpoint


def report() -> Report:
    """What there is to say about the queues; raises OutOfReach where SQS cannot be asked."""
    settings, limits = services().settings, Limits.of(services().celery.conf)
    return examine(client(endpoint(settings)), settings.sqs_queue_url, settings.sqs_dlq_url, limits)


@click.command()
@click.pass_context
def preflight(context: click.Context) -> None:
    """Say what the queues' numbers mean and what contradicts them.

    Ends with 0 if nothing does, with 1 if something does, and with 2 if SQS cannot be asked.
    """
    try:
        found = report()
    except OutOfReach as error:
        click.echo(f"preflight: {error}", err=True)
        context.exit(2)
    for line in (*found.timeline.splitlines(), *found.contradictions):
        click.echo(line)
    context.exit(1 if found.contradictions else 0)
