"""`ls`, `show` and `dry-run`: what is in the DLQ and why."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import click

from celery_sqs.dlq import (
    DeadLetterService,
    DeadLetterServices,
    DeadMessage,
    DryRun,
    Group,
    Refused,
    Selection,
    kind_in_words,
)
from celery_sqs.dlq.cli.group import FAILED, pass_services
from celery_sqs.dlq.cli.queue_column import QueueColumn
from celery_sqs.dlq.cli.screen import MAX_TEXT, instant, line, print_json, print_table, readable, safe
from celery_sqs.dlq.cli.selection import queues_of, select, selecting

#: Messages that are tried at once.
CHUNK: Final = 500

GROUPS: Final = ("GROUP", "MESSAGES", "KIND", "TASK", "OLDEST (UTC)", "ERROR")
MESSAGES: Final = ("MESSAGE", "SUBJECT", "SENT (UTC)", "DIED (UTC)", "ERROR")


@click.command()
@click.option("--group", "fingerprint", metavar="FP", help="The messages of this group.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Messages, at the most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_services
def ls(services: DeadLetterServices, fingerprint: str | None, limit: int, as_json: bool) -> None:
    """Show the groups of dead messages, by queue and by why they died; or the messages of one."""
    results = {service.name: service.scan() for service in services}
    if fingerprint is not None:
        queues_of(fingerprint, services)
    messages, columns = services.messages, QueueColumn(services)
    if as_json:
        found = messages.groups() if fingerprint is None else messages.page(fingerprint, None, limit)
        scanned_at = min(result.ended_at for result in results.values())
        print_json({"scanned_at": scanned_at, "count": messages.count(), "found": found})
        return
    for name, result in results.items():
        if not result.complete:
            click.echo(f"the scan has not seen all of the DLQ of {name} in its time", err=True)
    if fingerprint is None:
        columns.print_table(GROUPS, [(group.queue, _group_row(group)) for group in messages.groups()])
    else:
        page = messages.page(fingerprint, None, limit)
        columns.print_table(MESSAGES, [(message.queue, _message_row(message)) for message in page])


@click.command()
@click.argument("message_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_services
def show(services: DeadLetterServices, message_id: str, as_json: bool) -> None:
    """Show a dead message, why it died, and what would become of it if it were sent again."""
    message = services.messages.get(message_id)
    if message is None:
        for service in services:
            service.scan()
        message = services.messages.get(message_id)
    if message is None:
        raise Refused(f"there has never been a message {message_id} in the DLQ")
    [answer] = services[message.queue].dry_run([message])
    if as_json:
        print_json({"message": message, "dry_run": answer})
        return
    for name, value in _fields(message, answer):
        click.echo(f"{name:<10} {line(value, MAX_TEXT)}")
    click.echo(f"\n{safe(readable(message.body))}")


@click.command("dry-run")
@selecting
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_services
@click.pass_context
def dry_run(
    context: click.Context,
    services: DeadLetterServices,
    message_ids: tuple[str, ...],
    fingerprint: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Say which messages today's code would accept; nothing is written. Ends with 1 if it would refuse any."""
    service, selection = select(services, message_ids, fingerprint, everything)
    answers = list(_dry_runs(service, selection))
    refused = [(message_id, answer.why) for message_id, answer in answers if not answer.accepted]
    accepted = len(answers) - len(refused)
    if as_json:
        results = [{"message_id": message_id, **dataclasses.asdict(answer)} for message_id, answer in answers]
        print_json({"accepted": accepted, "refused": len(refused), "results": results})
    else:
        click.echo(f"{len(answers):,} tried: {accepted:,} would be accepted")
        for why, count in Counter(answer.why for _, answer in answers if answer.accepted).most_common():
            click.echo(f"  {count:,} {why}")
        if refused:
            click.echo(f"{len(refused):,} would be refused:")
            print_table(("MESSAGE", "WHY"), refused)
    context.exit(FAILED if refused else 0)


def _dry_runs(service: DeadLetterService, selection: Selection) -> Iterator[tuple[str, DryRun]]:
    """The answer for each selected message, by message id."""
    after = None
    while messages := service.messages.selected(selection, after, CHUNK):
        answers = service.dry_run(messages)
        yield from zip((message.message_id for message in messages), answers, strict=True)
        after = messages[-1].message_id


def _group_row(group: Group) -> Sequence[str]:
    error = f"{group.error_class}: {group.error}" if group.error_class else group.error
    return group.fingerprint, f"{group.count:,}", group.kind, group.task, instant(group.oldest), error


def _message_row(message: DeadMessage) -> Sequence[str]:
    sent_at, died_at = instant(message.sent_at), instant(message.died_at)
    return message.message_id, message.subject or "-", sent_at, died_at, message.error


def _fields(message: DeadMessage, answer: DryRun) -> Iterator[tuple[str, str]]:
    yield "message", message.message_id
    yield "queue", message.queue
    yield "subject", message.subject or "-"
    yield "task", f"{message.task or '-'} {message.task_id}"
    yield "sent", f"{instant(message.sent_at)} UTC"
    yield "died", f"{instant(message.died_at)} UTC" if message.died_at else "-"
    yield "in the DLQ", "yes" if message.gone_at is None else f"no, since {instant(message.gone_at)} UTC"
    yield "kind", kind_in_words(message.kind)
    yield "error", f"{message.error_class}: {message.error}" if message.error_class else message.error
    yield "group", message.fingerprint
    yield "dry run", answer.why
