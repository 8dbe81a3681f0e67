"""The settings of a Celery app."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from celery_sqs import kombu_options
from celery_sqs.aws.endpoint import Endpoint, one_region
from celery_sqs.errors import Misconfigured
from celery_sqs.settings.options import DEFAULTS, LOOPBACK, OPTIONS
from celery_sqs.settings.queue import Queue

#: Celery's settings that ask for events, and why there are none without a monitor.
ASKING_FOR_EVENTS: Final = ("task_send_sent_event", "worker_send_task_events")
NO_EVENTS: Final = "events go through sqs_monitor_database, which is not set: SQS has no broadcast"

#: Of a result backend that sends results through the broker.
RPC: Final = "rpc:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked settings.

    Attributes:
        queues: by Celery's name for each; never empty.
        endpoint: where SQS is.
        default_task: the task of a message that names none; None: such a message is poison.
        send_timeout: seconds until a caller of `delay` gets `NotConfirmed`.
        health_host: the address that a worker answers on.
        health_port: its port; 0 for none.
        preflight: what a worker does whose queues contradict its settings.
        purge_allowed: whether `celery purge` and its like delete all messages of a queue.
        monitor_database: where the monitor's tables are; None: there is no monitor.
    """

    queues: Mapping[str, Queue]
    endpoint: Endpoint
    default_task: str | None = None
    send_timeout: float = 5.0
    health_host: str = LOOPBACK
    health_port: int = 0
    preflight: Literal["refuse", "warn"] = "refuse"
    purge_allowed: bool = False
    monitor_database: Any = field(default=None, repr=False)

    @property
    def default_queue(self) -> str:
        """The queue of a task that has no route: the first."""
        return next(iter(self.queues))

    def queue(self, name: str) -> Queue:
        """The queue that Celery knows by a name.

        Raises:
            Misconfigured: there is none.
        """
        if name not in self.queues:
            raise Misconfigured(f"sqs_queues: there is no queue {name!r}; there are {', '.join(self.queues)}")
        return self.queues[name]

    def at(self, queue_url: str) -> Queue:
        """The queue at a URL; one without anything else where the settings have none."""
        return next((queue for queue in self.queues.values() if queue.url == queue_url), Queue(url=queue_url))

    @classmethod
    def of(cls, conf: Any) -> "Settings":
        """Read a Celery app's configuration.

        Raises:
            Misconfigured: a setting is missing or wrong.
        """
        _require_known(conf)
        if str(conf.result_backend).startswith(RPC):
            raise Misconfigured(
                "result_backend: rpc:// needs a queue for each caller; use redis, a database or another"
            )
        given = kombu_options.completed(conf, DEFAULTS)
        _require_monitor_for_events(conf, given["sqs_monitor_database"])
        values = {name: option.check(name, given[name]) for name, option in OPTIONS.items()}
        queues: dict[str, Queue] = values["sqs_queues"]
        return cls(
            queues=queues,
            endpoint=Endpoint(
                region=one_region(values["sqs_region"], [url for queue in queues.values() for url in queue.urls]),
                url=values["sqs_endpoint_url"],
                credentials=values["sqs_access_key"],
            ),
            default_task=values["sqs_default_task"],
            send_timeout=values["sqs_send_timeout"],
            health_host=values["sqs_health_host"],
            health_port=values["sqs_health_port"],
            preflight=values["sqs_preflight"],
            purge_allowed=values["sqs_purge_allowed"],
            monitor_database=values["sqs_monitor_database"],
        )


def _require_known(conf: Any) -> None:
    for name in conf:
        if str(name).startswith("sqs_") and name not in DEFAULTS:
            raise Misconfigured(f"{name}: there is no such setting; there are {', '.join(DEFAULTS)}")


def _require_monitor_for_events(conf: Any, database: Any) -> None:
    for name in ASKING_FOR_EVENTS:
        if database is None and conf[name]:
            raise Misconfigured(f"{name}: {NO_EVENTS}")
