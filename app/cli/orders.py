"""`flask orders`: the time line of an order, and the purge of what is old."""

import json
from collections.abc import Iterator

import click

from app.history import TimeLine
from app.services import services
from celery_sqs.dlq.cli import FAILED, PlainGroup, instant, line, print_json, safe
from tasks import retention


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
