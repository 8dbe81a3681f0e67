"""`flask orders`: the time line of an order, what has become of all of them, and the purge of what is old."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click

from app.history import TimeLine
from app.reconciliation import Reconciliation
from app.services import services
from celery_sqs.dlq.cli import FAILED, PlainGroup, instant, line, print_json, safe
from orders.missing.fate import Fate
from tasks import retention


class _BadInput(click.ClickException):
    """An option makes no sense: one line that says why."""

    exit_code = click.UsageError.exit_code


@click.group(cls=PlainGroup)
def orders() -> None:
    """Find out about orders."""


@orders.command()
@click.argument("named", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def where(context: click.Context, named: str, as_json: bool) -> None:
    """Say what became of an order, by its id or its task's.

    Ends with 1 if nothing is on record, with 2 if the database cannot be asked.
    """
    found = services().history.timeline(named)
    if found is None:
        click.echo(
            f"orders: nothing is on record of {line(named)}: no worker has seen it yet, or it never was", err=True
        )
        context.exit(FAILED)
    if as_json:
        print_json(found)
        return
    for text in _lines(found):
        click.echo(text)


@orders.command()
def purge() -> None:
    """Delete failed attempts, dead messages and repairs that are older than the settings say.

    Workers do the same every few minutes. Ends with 2 if the database cannot be used.
    """
    parts = services()
    purged = retention.purge(parts.celery.conf, parts.engine)
    click.echo(
        f"deleted: {purged.attempts:,} failed attempts, {purged.dead_messages:,} dead messages, "
        f"{purged.repairs:,} rows of repairs"
    )


@orders.command()
@click.option("--since", metavar="TIME", help="Accepted at this instant or later; as long ago as events are kept.")
@click.option("--until", metavar="TIME", help="Accepted before this instant; now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def reconcile(context: click.Context, since: str | None, until: str | None, as_json: bool) -> None:
    """Compare the accepted orders with what has become of them: stored, waiting, dead, discarded, or missing.

    A TIME is 2026-01-24, or 2026-01-24T12:00:00 with or without a zone; without one it is UTC. What was accepted is
    known from task events: an order whose event was lost, or deleted for its age, is not counted.

    Ends with 0 if everything adds up, with 1 if an order is missing, with 2 on bad input, or if the database cannot be
    asked.
    """
    settings, now = services().settings, datetime.now(UTC)
    if not settings.task_events:
        raise _BadInput("TASK_EVENTS is false: nothing says which orders were accepted")
    kept_since = now - timedelta(days=settings.task_retention_days)
    first, end = _instant("--since", since, kept_since), _instant("--until", until, now)
    if first >= end:
        raise _BadInput(f"--since ({instant(first)}) is not before --until ({instant(end)})")
    found = services().reconciler.reconcile(first, end)
    if as_json:
        print_json(found)
    else:
        for text in _reconciled(found, kept_since):
            click.echo(text)
    context.exit(0 if found.adds_up else FAILED)


def _instant(option: str, given: str | None, default: datetime) -> datetime:
    if given is None:
        return default
    try:
        at = datetime.fromisoformat(given)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _BadInput(f"{option}: {line(given)} is no time like 2026-01-24T12:00:00Z") from None


def _reconciled(found: Reconciliation, kept_since: datetime) -> Iterator[str]:
    yield f"accepted from {instant(found.since)} to {instant(found.until)} (UTC): {found.accepted:,}"
    for fate, count in found.fates.items():
        yield f"{fate:<10} {count:>12,}"
    if found.since < kept_since - timedelta(minutes=1):
        yield f"events are kept since {instant(kept_since)}: of what was accepted earlier, not all is counted"
    if found.before is None:
        yield "the DLQ has never been scanned: nothing can be found missing before that (flask --app app dlq ls)"
    elif found.before < found.until:
        yield f"what was last seen after {instant(found.before)} may be in the queue still, and is waiting"
    for each in found.missing:
        yield f"missing: {line(each.order_id)}  accepted {instant(each.accepted_at)}  last seen {instant(each.seen_at)}"
    if (more := found.fates[Fate.MISSING] - len(found.missing)) > 0:
        yield f"and {more:,} more are missing"


def _lines(found: TimeLine) -> Iterator[str]:
    what = f"order {found.order_id}" if found.order_id else f"task {', '.join(found.task_ids)}"
    yield f"{line(what)} is {found.state}"
    for entry in found.entries:
        detail = " ".join(
            f"{name}={line(value if isinstance(value, str) else json.dumps(value))}"
            for name, value in entry.detail.items()
            if value not in {None, ""}
        )
        yield f"{instant(entry.at)}  {entry.what:<10} {detail}"
    if found.payload:
        yield f"\npayload:\n{safe(found.payload)}"
    if found.traceback:
        yield f"\nlast traceback:\n{safe(found.traceback)}"
