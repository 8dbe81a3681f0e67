"""`celery_sqs.setup`: all that ties a Celery app to this transport."""

import sys
from collections.abc import Mapping
from typing import Any, Final

from celery import Celery
from celery.signals import after_task_publish
from celery.utils.imports import instantiate
from kombu.utils.imports import symbol_by_name

from celery_sqs import kombu_options
from celery_sqs.errors import Misconfigured
from celery_sqs.message import wire
from celery_sqs.publish.interception import MONITOR
from celery_sqs.publish.purge_command import refuse_before_asking
from celery_sqs.settings import DEFAULTS, OPTIONS, Queue
from celery_sqs.tasks.outcomes.trace_log import drop_repeated

#: Messages in flight for each process of the pool. A killed worker costs each of them a receive.
PREFETCH_MULTIPLIER: Final = 100

#: Celery's settings as this transport wants them; the app's own configuration comes before.
CELERY_DEFAULTS: Final[Mapping[str, Any]] = {
    "broker_url": "sqs://",
    "broker_connection_retry_on_startup": True,
    "task_publish_retry": False,  # the sender tries again itself, within sqs_send_timeout
    "worker_prefetch_multiplier": PREFETCH_MULTIPLIER,
    **DEFAULTS,
}

#: What is ours whatever the app's configuration says: without it the worker would be kombu's.
CELERY_OVERRIDES: Final[Mapping[str, Any]] = {
    "broker_transport": "celery_sqs.consume.transport:Transport",
    "worker_consumer": "celery_sqs.worker.consumer:Consumer",
    "worker_enable_remote_control": False,  # Celery's own needs a broadcast, which SQS does not have
}

WORKER_STEPS: Final = (
    "celery_sqs.worker.steps:Preflight",
    "celery_sqs.worker.steps:ShortPoolStop",
    "celery_sqs.worker.steps:RareCollections",
)
MONITOR_WORKER_STEP: Final = "celery_sqs.monitor.steps:Schema"
MONITOR_STEPS: Final = ("celery_sqs.monitor.steps:Monitoring", "celery_sqs.monitor.steps:RemoteControl")
CONSUMER_STEPS: Final = ("celery_sqs.worker.steps:Readiness", "celery_sqs.worker.steps:HealthCheck")

FLOWER: Final = "flower.command"


def setup(
    app: Celery, queues: "Mapping[str, str | Queue | Mapping[str, str]] | None" = None, **settings: Any
) -> Celery:
    """Put a Celery app on SQS; returns the app.

    Call it before the app's first task is defined. Nothing is asked of SQS, and no configuration is read: that happens
    when a worker starts or a task is first called. What is given here is checked at once.

    Args:
        app: the app.
        queues: Celery's name for each queue, and its URL. Tasks go to the first unless a route says otherwise.
        settings: any other of `celery_sqs.settings.DEFAULTS`, without the prefix `sqs_`. What is not given here is
            read from `app.conf`.

    Raises:
        Misconfigured: there is no such setting, a value is none for its setting, or the app has tasks already that are
            none of ours.
    """
    _require_known(settings)
    given = {f"sqs_{name}": value for name, value in {"queues": queues, **settings}.items() if value is not None}
    for name, value in given.items():
        OPTIONS[name].check(name, value)
    _use_task_class(app)
    app.amqp_cls = "celery_sqs.publish.amqp:AMQP"
    app.control_cls, app.events_cls = f"{__name__}:control", f"{__name__}:events"
    _configure(app, {**CELERY_OVERRIDES, **given})
    app.steps["worker"].update(WORKER_STEPS)
    app.steps["consumer"].update(CONSUMER_STEPS)
    drop_repeated()
    refuse_before_asking()
    return app


def control(app: Celery) -> Any:
    """`app.control`: the monitor's where there is one, which answers `inspect`; else one that says what is missing."""
    return _with_or_without_monitor(app, "celery_sqs.monitor.control:Control", "celery_sqs.without_monitor:Control")


def events(app: Celery) -> Any:
    """`app.events`: into the monitor's tables where there are any; else nowhere."""
    return _with_or_without_monitor(app, "celery_sqs.monitor.dispatcher:Events", "celery_sqs.without_monitor:Events")


def _with_or_without_monitor(app: Celery, with_it: str, without: str) -> Any:
    # Decided when it is asked for: the app's configuration may come after `setup`.
    conf: Any = app.conf
    return instantiate(with_it if conf.sqs_monitor_database is not None else without, app=app)


def _require_known(settings: Mapping[str, Any]) -> None:
    unknown = sorted(name for name in settings if f"sqs_{name}" not in DEFAULTS)
    if unknown:
        known = ", ".join(name.removeprefix("sqs_") for name in DEFAULTS)
        raise Misconfigured(f"setup: there is no setting {unknown[0]!r}; there are {known}")


def _use_task_class(app: Celery) -> None:
    """Have SQSTask as the class of every task that names no other, unless the app has a class of its own.

    Whether that one is derived from SQSTask is seen at a worker's start, as it may be named by its path.
    """
    if "Task" in vars(app):
        raise Misconfigured("setup: call it before the app's first task is defined, or its tasks are not SQSTask")
    if app.task_cls == Celery.task_cls:
        app.task_cls = "celery_sqs.tasks.task:SQSTask"


def _configure(app: Any, ours: Mapping[str, Any]) -> None:
    """Complete the app's configuration whenever it is read: `config_from_object` has it read again."""

    def complete() -> dict[str, Any]:
        changes = app.conf.maps[0]
        changes.update({name: value for name, value in ours.items() if name not in changes})
        return _complete(app)

    def complete_next(**_: Any) -> None:
        # Celery forgets what it was given by `add_defaults` once that has been read.
        app._pending_defaults.append(complete)

    app.conf.update(ours)
    app.add_defaults(complete)
    if app.configured:
        complete_next()
    app.on_after_configure.connect(complete_next, weak=False)


def _complete(app: Celery) -> dict[str, Any]:
    """Complete an app's configuration, which has just been read; returns no more defaults.

    The last of its maps has Celery's own defaults. What `add_defaults` is given would come before the app's settings.
    """
    conf: Any = app.conf
    defaults = conf.maps[-1]
    defaults.update(CELERY_DEFAULTS)
    queues = conf.sqs_queues or kombu_options.predefined(conf.broker_transport_options)
    if isinstance(queues, Mapping) and queues:
        defaults["task_default_queue"] = next(iter(queues))
    # Without ours Celery would delete every message unread.
    conf.accept_content = [*wire.ACCEPTED, *(name for name in conf.accept_content if name not in wire.ACCEPTED)]
    if conf.sqs_monitor_database is not None:
        defaults["worker_send_task_events"] = True
        _use_monitor(app)
    return {}


def _use_monitor(app: Celery) -> None:
    """Have the app report to the monitor's tables. By name, as not every app has what these need."""
    app.steps["worker"].add(MONITOR_WORKER_STEP)
    app.steps["consumer"].update(MONITOR_STEPS)
    try:
        sent = symbol_by_name("celery_sqs.monitor:record_sent")
    except ImportError as error:
        raise Misconfigured(f"sqs_monitor_database: install celery-sqs[monitor] for it: {error}") from error
    after_task_publish.connect(sent, weak=False, dispatch_uid=MONITOR)
    # Where Flower is installed, Celery's command line has loaded it before the app.
    if FLOWER in sys.modules:
        symbol_by_name("celery_sqs.monitor.flower:install")()
