"""The operators' workbench: what is going on, what became of a call, and what to do about dead messages.

`blueprint` is for a Flask application of one's own, `create_app` makes one for the workbench alone, and
`celery -A shop sqs workbench` runs that. Needs the extra `celery-sqs[workbench]`.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final, Unpack

from celery import Celery
from flask import Blueprint, Flask

from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.aws.queue_numbers import QueuePair, read_pair
from celery_sqs.database.outage import answers
from celery_sqs.dependencies import Probe, Recent
from celery_sqs.dlq import DeadLetterServices, ScanSchedule
from celery_sqs.monitor import EventReader
from celery_sqs.monitor.pauses import PauseStore
from celery_sqs.settings import Settings
from celery_sqs.workbench.actions.edit import dry_run_errors
from celery_sqs.workbench.flask_blueprint import make_blueprint
from celery_sqs.workbench.history.entries import of_deaths, of_repair, of_task
from celery_sqs.workbench.history.task_history import TaskHistory
from celery_sqs.workbench.history.timeline import Entry, History, TimeLine
from celery_sqs.workbench.operators import Operators
from celery_sqs.workbench.options import Options
from celery_sqs.workbench.parts import CheckEdit, HostList, Listed, Parts
from celery_sqs.workbench.runs import Runs
from celery_sqs.workbench.words import Words
from celery_sqs.worker.preflight import Report, preflight

__all__ = [
    "CheckEdit",
    "Entry",
    "History",
    "HostList",
    "Listed",
    "Options",
    "TimeLine",
    "Words",
    "blueprint",
    "create_app",
    "of_deaths",
    "of_repair",
    "of_task",
    "start_scans",
]

#: Seconds that an answer of SQS is shown for. What the queues' settings mean changes only when somebody changes them.
NUMBERS_KEPT: Final = 3.0
REPORT_KEPT: Final = 30.0

SCAN_MINUTES: Final = 1.0  # between two scans of a DLQ that nobody asks for


def blueprint(
    app: Celery,
    secret: str,
    operators: Mapping[str, str] | None = None,
    url_prefix: str = "/workbench",
    **options: Unpack[Options],
) -> Blueprint:
    """A workbench, to be registered in a Flask application. Nothing is asked of SQS or the database before a page is.

    Args:
        app: the Celery app, set up by `celery_sqs.setup`, whose modules with tasks are imported.
        secret: signs the workbench's cookies; the same in all processes that serve it.
        operators: who may use it: names and passwords.
        url_prefix: where it is.
        options: see `celery_sqs.workbench.options.Options`.

    Raises:
        Misconfigured: a setting of the app is missing or wrong, or it has no such queue.
        ValueError: there is no secret, or nobody may use the workbench.
    """
    if not secret or not (operators or options.get("who")):
        raise ValueError("a workbench needs a secret, and operators or the host's own login: who")
    made = _parts(app, Operators(operators or {}, secret), options)
    return make_blueprint(made, url_prefix, https_only=options.get("https_only", True))


def create_app(
    app: Celery, secret: str, operators: Mapping[str, str] | None = None, **options: Unpack[Options]
) -> Flask:
    """A WSGI application that is a workbench and nothing else, at `/`; arguments and errors as of `blueprint`."""
    made = Flask("celery_sqs.workbench", static_folder=None)
    made.register_blueprint(blueprint(app, secret, operators, "/", **options))
    return made


def start_scans(host: Flask) -> None:
    """Have the DLQs of a Flask application's workbench scanned by themselves, as its option `scan_minutes` says.

    Call it in each process that serves, after its last fork. One process at a time scans each DLQ.
    """
    schedule = host.extensions[Parts.NAME].schedule
    if schedule is not None:
        schedule.start()


def _parts(app: Celery, operators: Operators, options: Options) -> Parts:
    settings = Settings.of(app.conf)
    dlq = options.get("dlq") or DeadLetterServices.of(app)
    if name := options.get("queue"):
        dlq = dlq.only(name)
    events = EventReader(dlq.engine)
    return Parts(
        title=options.get("title") or f"{app.main or dlq.names[0]} workbench".capitalize(),
        words=options.get("words") or Words(),
        app_name=app.main or "",
        task=options.get("task"),
        operators=operators,
        who=options.get("who"),
        event_reader=events,
        dlq=dlq,
        history=options.get("history") or TaskHistory(events, dlq.messages, dlq.repairs),
        check_edit=options.get("check_edit") or partial(dry_run_errors, dlq),
        runs=Runs(dlq),
        numbers={name: Recent(partial(_numbers, settings, name), NUMBERS_KEPT) for name in dlq.names},
        reports={name: Recent(partial(_report, app, name), REPORT_KEPT) for name in dlq.names},
        schedule=_schedule(dlq, options),
        host_list=options.get("host_list"),
        database_probe=options.get("database_probe") or Probe(partial(answers, dlq.engine)),
        pauses=PauseStore(dlq.engine),
        queue_names=tuple(settings.queues),
    )


def _numbers(settings: Settings, name: str) -> QueuePair:
    queue = settings.queue(name)
    return read_pair(sqs_client(settings.endpoint), queue.url, queue.dlq_url)


def _report(app: Celery, name: str) -> Report:
    return preflight(app, [name])[0]


def _schedule(dlq: DeadLetterServices, options: Options) -> ScanSchedule | None:
    minutes, after_scan = options.get("scan_minutes", SCAN_MINUTES), options.get("after_scan", lambda: None)
    return ScanSchedule(dlq, timedelta(minutes=minutes), after_scan=after_scan) if minutes else None
