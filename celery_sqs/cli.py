"""`celery -A shop sqs ...`: queues, DLQ and workbench of an app.

Celery loads it from the entry point group `celery.commands`:
https://docs.celeryq.dev/en/stable/userguide/extending.html#adding-new-command-line-sub-commands
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import click
from kombu.utils.imports import symbol_by_name

from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.aws.queue_numbers import QueueNumbers, read_pair
from celery_sqs.errors import CallFailed
from celery_sqs.settings import Settings
from celery_sqs.worker.preflight import Report, preflight

CONTRADICTED: Final = 1
UNREACHABLE: Final = 2  # SQS cannot be asked

#: The commands of extras, each in the package that is named like its extra; loaded when they are asked for.
EXTRAS: Final[Mapping[str, str]] = {
    "dlq": "celery_sqs.dlq.cli:dlq",
    "monitor": "celery_sqs.monitor.cli:monitor",
    "pause": "celery_sqs.monitor.cli:pause",
    "pauses": "celery_sqs.monitor.cli:pauses",
    "resume": "celery_sqs.monitor.cli:resume",
    "workbench": "celery_sqs.workbench.cli:workbench",
}


class SQSGroup(click.Group):
    """A group whose commands end with one line where SQS cannot be asked or an extra is missing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, those of extras that are not installed among them."""
        return sorted([*super().list_commands(ctx), *EXTRAS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name."""
        if cmd_name not in EXTRAS:
            return super().get_command(ctx, cmd_name)
        try:
            command: click.Command = symbol_by_name(EXTRAS[cmd_name])
        except ImportError as error:
            return _missing(cmd_name, error)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command of the group."""
        try:
            return super().invoke(ctx)
        except CallFailed as error:
            click.echo(f"{ctx.invoked_subcommand}: {' '.join(str(error).split())}", err=True)
            ctx.exit(UNREACHABLE)


@click.group("sqs", cls=SQSGroup)
@click.pass_context
def sqs(context: click.Context) -> None:
    """Look at the SQS queues of the app, and repair what is dead."""
    context.obj.app.loader.import_default_modules()  # as a worker does: a queue may list their tasks


@sqs.command("preflight")
@click.argument("queues", nargs=-1)
@click.pass_context
def show_preflight(context: click.Context, queues: tuple[str, ...]) -> None:
    """Say what the numbers of the QUEUES (all without any) mean, and what contradicts them.

    Ends with 0 if nothing does, with 1 if something does, and with 2 if SQS cannot be asked.
    """
    app = context.obj.app
    reports = preflight(app, _known(app, queues))
    for report in reports:
        _print_lines(report)
    context.exit(_exit_code(reports))


@sqs.command("queues")
@click.argument("queues", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def show_queues(context: click.Context, queues: tuple[str, ...], as_json: bool) -> None:
    """Show what SQS says of the QUEUES (all without any) and their DLQs, and what that means for a message.

    Ends as preflight does.
    """
    app = context.obj.app
    settings, reports = Settings.of(app.conf), preflight(app, _known(app, queues))
    client, shown, paused = sqs_client(settings.endpoint), {}, _paused(settings)
    for report in reports:
        queue = settings.queues[report.queue]
        pair = read_pair(client, queue.url, queue.dlq_url)
        shown[report.queue] = {
            **asdict(pair),
            "paused": asdict(paused[report.queue]) if report.queue in paused else None,
            "timeline": report.timeline.splitlines(),
            "contradictions": report.contradictions,
        }
        if not as_json:
            for numbers in filter(None, (pair.work, pair.dlq)):
                _print(numbers)
            _print_lines(report)
            if report.queue in paused:
                click.echo(_safe(f"{report.queue} is {paused[report.queue]}"))
    if as_json:
        click.echo(json.dumps(shown, default=str))
    context.exit(_exit_code(reports))


def _missing(name: str, error: ImportError) -> click.Command:
    """In place of a command whose extra is not installed: says so."""
    extra = EXTRAS[name].split(".")[1]
    text = f"Needs celery-sqs[{extra}], which is not installed: {error}"

    @click.command(name, help=text, context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def missing(arguments: tuple[str, ...]) -> None:
        raise click.ClickException(text)

    return missing


def _paused(settings: Settings) -> Mapping[str, Any]:
    """By queue who has paused it and why; of all that are asked for what is wrong where that is not known."""
    if settings.monitor_database is None:
        return {}
    read: Any = symbol_by_name("celery_sqs.monitor.cli:read_pauses")
    try:
        current: Mapping[str, Any] = read(settings.monitor_database)
    except OSError as error:
        click.echo(f"whether a queue is paused is not known: {error}", err=True)
        return {}
    return current


def _known(app: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """The queues that are meant; ends the command where the app has none of that name."""
    queues = Settings.of(app.conf).queues
    for name in names:
        if name not in queues:
            raise click.BadParameter(f"the app has no queue {name!r}; it has {', '.join(queues)}")
    return names or tuple(queues)


def _exit_code(reports: list[Report]) -> int:
    return CONTRADICTED if any(report.contradictions for report in reports) else 0


def _print_lines(report: Report) -> None:
    for line in (*report.timeline.splitlines(), *report.contradictions):
        click.echo(line)


def _print(numbers: QueueNumbers) -> None:
    click.echo(f"{numbers.name}  {numbers.url}")
    for attribute in numbers.attributes:
        click.echo(f"  {attribute.name:<38} {_safe(attribute.text)}")
    click.echo()


def _safe(text: str) -> str:
    """Text without what a terminal obeys: anything may be in a policy, or in a reason."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
