"""`celery -A shop sqs monitor upgrade`, and `pause`, `resume` and `pauses` of a queue's consumption."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

import click
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from celery_sqs.dlq.cli.on_record import on_record
from celery_sqs.dlq.cli.screen import instant, line, print_table
from celery_sqs.monitor.engine import make_engine
from celery_sqs.monitor.pauses import NotChanged, Pause, PauseStore
from celery_sqs.monitor.schema.completeness import why_failed
from celery_sqs.monitor.schema.upgrade import NotUpgraded, upgrade
from celery_sqs.settings import Settings

SHOWN: Final = 50
LOG: Final = ("QUEUE", "PAUSED (UTC)", "BY", "RESUMED (UTC)", "BY", "REASON")


@click.group("monitor")
def monitor() -> None:
    """The database of the monitor and the DLQ."""


@monitor.command("upgrade")
@click.pass_context
def upgrade_tables(context: click.Context) -> None:
    """Create the tables of the monitor and the DLQ, or bring them to this version; no row is lost.

    Not for a host that has them among its own migrations: that is said, and nothing is changed.
    """
    with _database(context) as engine:
        try:
            click.echo(f"tables: {upgrade(engine)}")
        except NotUpgraded as error:
            raise click.ClickException(str(error)) from error


@click.command("pause")
@click.argument("queue")
@on_record
@click.pass_context
def pause(context: click.Context, queue: str, reason: str, operator: str) -> None:
    """Have all workers receive nothing from QUEUE, until it is resumed. What runs goes on."""
    _require_queue(context, queue)
    with _database(context) as engine:
        paused = PauseStore(engine).pause(queue, operator, reason)
    click.echo(f"{queue} is {line(str(paused), 1000)}")


@click.command("resume")
@click.argument("queue")
@on_record
@click.pass_context
def resume(context: click.Context, queue: str, reason: str, operator: str) -> None:
    """Have all workers receive from QUEUE again."""
    with _database(context) as engine:
        PauseStore(engine).resume(queue, operator, reason)
    click.echo(f"{queue} is resumed")


@click.command("pauses")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def pauses(context: click.Context, as_json: bool) -> None:
    """Show who has paused and resumed which queue, when and why; newest first."""
    with _database(context) as engine:
        found = PauseStore(engine).latest(SHOWN)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], default=str))
    else:
        print_table(LOG, [_row(each) for each in found])


def read_pauses(database: Any) -> Mapping[str, Pause]:
    """The queues that are paused now.

    Raises:
        OSError: the database does not say so.
    """
    engine = make_engine(database)
    try:
        return PauseStore(engine).current()
    except SQLAlchemyError as error:
        raise OSError(why_failed(engine, error)) from error
    finally:
        engine.dispose()


@contextmanager
def _database(context: click.Context) -> Iterator[Engine]:
    """The monitor's database; what it refuses ends the command with one line."""
    settings = Settings.of(context.obj.app.conf)
    if settings.monitor_database is None:
        raise click.ClickException("sqs_monitor_database is not set: the tables are in that database")
    engine = make_engine(settings.monitor_database)
    try:
        yield engine
    except NotChanged as error:
        raise click.ClickException(str(error)) from error
    except SQLAlchemyError as error:
        raise click.ClickException(why_failed(engine, error)) from error
    finally:
        engine.dispose()


def _require_queue(context: click.Context, queue: str) -> None:
    queues = Settings.of(context.obj.app.conf).queues
    if queue not in queues:
        raise click.BadParameter(f"the app has no queue {queue!r}; it has {', '.join(queues)}")


def _row(each: Pause) -> tuple[str, ...]:
    reasons = "; ".join(filter(None, (each.reason, each.resume_reason)))
    return (
        each.queue,
        instant(each.paused_at),
        each.paused_by,
        instant(each.resumed_at),
        each.resumed_by or "-",
        reasons,
    )
