"""`redrive`, `edit`, `discard`, `rescue`, `resume` and `log`: repairs, on record under the operator's name."""

import difflib
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from celery_sqs.dlq import (
    CANARIES,
    DISCARD,
    DONE,
    EDIT,
    REDRIVE,
    RUNNING,
    DeadLetterService,
    DeadLetterServices,
    Refused,
    RepairItem,
    RepairProgress,
)
from celery_sqs.dlq.cli.as_typed import group_as_typed
from celery_sqs.dlq.cli.group import FAILED, pass_services
from celery_sqs.dlq.cli.on_record import by_operator, on_record
from celery_sqs.dlq.cli.queue_column import QueueColumn
from celery_sqs.dlq.cli.screen import MAX_TEXT, instant, line, print_json, print_table, readable, safe
from celery_sqs.dlq.cli.selection import select, selecting
from celery_sqs.message import exact_json

C = TypeVar("C", bound=Callable[..., Any])

LOG: Final = ("REPAIR", "BEGAN (UTC)", "OPERATOR", "ACTION", "STATE", "MESSAGES", "REASON")
ITEMS: Final = ("MESSAGE", "STATE", "SUBJECT", "SENT AS", "ERROR")


def _number(context: click.Context, option: click.Parameter, given: str) -> int:
    """How many messages go first: a whole number of 0 and more."""
    if not (given.isascii() and given.isdecimal()):
        raise click.BadParameter(f"{given!r} is not a number of messages to send first: 0, 1, 2 ...")
    return int(given)


def _recorded(command: C) -> C:
    """Give a command what every repair has: an operator, a reason, and ways to run without a person."""
    command = click.option("--json", "as_json", is_flag=True, help="JSON lines: progress, at last the result.")(command)
    command = click.option("--yes", is_flag=True, help="Do not ask.")(command)
    return on_record(command)


@click.command()
@selecting
@_recorded
@click.option("--canaries", callback=_number, default=str(CANARIES), show_default=True, help="How many go first.")
@pass_services
def redrive(
    services: DeadLetterServices,
    message_ids: tuple[str, ...],
    fingerprint: str | None,
    everything: bool,
    operator: str,
    yes: bool,
    as_json: bool,
    reason: str,
    canaries: int,
) -> None:
    """Send messages to the work queue again: a few first, and the rest once these have succeeded."""
    service, selection = select(services, message_ids, fingerprint, everything)
    count = service.messages.count(selection)
    first = f", {canaries} of them first" if 0 < canaries < count else ""
    _ask(f"Redrive {_messages(count)}{first}?", yes, as_json)
    _run(service, service.repairs.plan(REDRIVE, selection, operator, reason, canaries), as_json)


@click.command()
@selecting
@_recorded
@pass_services
def discard(
    services: DeadLetterServices,
    message_ids: tuple[str, ...],
    fingerprint: str | None,
    everything: bool,
    operator: str,
    yes: bool,
    as_json: bool,
    reason: str,
) -> None:
    """Delete messages from the DLQ. What was in them stays on record."""
    service, selection = select(services, message_ids, fingerprint, everything)
    _ask(f"Discard {_messages(service.messages.count(selection))}?", yes, as_json)
    _run(service, service.repairs.plan(DISCARD, selection, operator, reason), as_json)


@click.command()
@click.argument("message_id", metavar="ID")
@_recorded
@click.option("--body", "file", type=click.File(), help="The new body; default: an editor is opened.")
@pass_services
def edit(
    services: DeadLetterServices, message_id: str, operator: str, yes: bool, as_json: bool, reason: str, file: Any
) -> None:
    """Change a message's body, see the difference, and send it if today's code accepts it."""
    service, selection = select(services, [message_id], None, everything=False)
    [message] = service.messages.selected(selection, None, 1)
    before = readable(message.body)
    after = file.read() if file else click.edit(before, extension=".json")
    if after is None:
        raise Refused("nothing is changed")
    body = _compact(after.strip())
    answer = service.dry_run_edit(message, body)
    if not answer.accepted:
        raise Refused(answer.why)
    if not as_json:
        compared = difflib.unified_diff(
            before.splitlines(), readable(body).splitlines(), "in the DLQ", "to be sent", lineterm=""
        )
        click.echo(safe("\n".join(compared)))
    _ask("Send it?", yes, as_json)
    _run(service, service.repairs.plan(EDIT, selection, operator, reason, new_body=body), as_json)


@click.command()
@by_operator
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_services
def rescue(services: DeadLetterServices, operator: str, as_json: bool) -> None:
    """Send again, once, what is dead with attempts left, as the workbench does by itself every few minutes."""
    done = [repair for service in services for repair in service.rescue.run(operator)]
    if as_json:
        print_json(done)
    else:
        for repair in done:
            _summarise(repair)
        if not done:
            click.echo("nothing is dead with attempts left")
    if any(repair.failed or repair.note for repair in done):
        click.get_current_context().exit(FAILED)


@click.command()
@click.argument("repair_id")
@click.option("--json", "as_json", is_flag=True, help="JSON lines: progress, and at last the result.")
@pass_services
def resume(services: DeadLetterServices, repair_id: str, as_json: bool) -> None:
    """Go on with a repair that was interrupted or stopped."""
    _run(services[services.repairs.progress(repair_id).queue], repair_id, as_json)


@click.command()
@click.argument("repair_id", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Lines, at the most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_services
def log(services: DeadLetterServices, repair_id: str | None, limit: int, as_json: bool) -> None:
    """Show who did what and why, newest first; of one repair what it did to each message."""
    repairs = services.repairs
    if repair_id is None:
        found = repairs.latest(limit)
        if as_json:
            print_json(found)
        else:
            QueueColumn(services).print_table(LOG, [(repair.queue, _log_row(repair)) for repair in found])
        return
    progress, items = repairs.progress(repair_id), repairs.items(repair_id, limit=limit)
    if as_json:
        print_json({"repair": progress, "items": items})
    else:
        _summarise(progress)
        print_table(ITEMS, [_item_row(item) for item in items])


def _ask(question: str, yes: bool, as_json: bool) -> None:
    """Let a person decide, unless that was said before."""
    if yes:
        return
    if as_json:
        raise click.UsageError("--json asks nobody: say --yes.")
    click.confirm(question, abort=True)


def _run(service: DeadLetterService, repair_id: str, as_json: bool) -> None:
    """Do what is left of a repair, and show it; ends with 1 unless all of it came to a good end."""
    if as_json:
        done = service.repairs.run(repair_id, print_json)
    else:
        total = service.repairs.progress(repair_id).total
        group = group_as_typed(click.get_current_context(), sys.argv[1:])
        click.echo(f"repair {repair_id}: if this ends early, go on with {group} resume {repair_id}", err=True)
        with click.progressbar(length=total, show_pos=True, file=sys.stderr) as bar:
            notes = {""}

            def show(progress: RepairProgress) -> None:
                if progress.note not in notes:
                    notes.add(progress.note)
                    click.echo(f"\n{line(progress.note, MAX_TEXT)}", err=True)
                bar.update(progress.total - progress.waiting - progress.sent - bar.pos)

            done = service.repairs.run(repair_id, show)
        _summarise(done)
    if done.state != DONE or done.failed or done.note:
        click.get_current_context().exit(FAILED)


def _summarise(repair: RepairProgress) -> None:
    click.echo(f"{repair.action} of {_messages(repair.total)} by {line(repair.operator)}: {_state(repair)}")
    click.echo(f"  {_counts(repair)}; queue {line(repair.queue)}")
    for text in filter(None, (repair.reason, repair.note)):
        click.echo(f"  {line(text, MAX_TEXT)}")


def _log_row(repair: RepairProgress) -> Sequence[str]:
    began = instant(repair.began_at)
    return repair.id, began, repair.operator, repair.action, _state(repair), _counts(repair), repair.reason


def _item_row(item: RepairItem) -> Sequence[str]:
    return item.message_id, item.state, item.subject or "-", item.new_message_id or "-", item.error


def _state(repair: RepairProgress) -> str:
    interrupted = repair.state == RUNNING and not repair.runner_alive
    return "interrupted" if interrupted else repair.state


def _counts(repair: RepairProgress) -> str:
    counts = {name: getattr(repair, name) for name in ("waiting", "sent", "confirmed", "failed", "gone", "discarded")}
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _messages(count: int) -> str:
    return f"{count:,} message{'s' * (count != 1)}"


def _compact(text: str) -> str:
    """JSON without its indentation, digits as they are; anything else as it is."""
    try:
        return exact_json.dumps(exact_json.loads(text))
    except ValueError:
        return text
