"""Celery's broker connections, with the app's settings as options for the transport."""

import functools
from collections.abc import Callable
from typing import Any, Final

from celery.app import amqp
from kombu import Connection

from celery_sqs import kombu_options
from celery_sqs.message import exact_json
from celery_sqs.message import options as call_options
from celery_sqs.settings import Settings

#: The transport options with the app's `Settings`, and `is_exact` for its tasks.
SETTINGS: Final = "celery_sqs"
IS_EXACT: Final = "celery_sqs_is_exact"


class AMQP(amqp.AMQP):
    """`app.amqp`, set by `celery_sqs.setup`."""

    def Connection(  # type: ignore[override]  # a class attribute of Celery's  # noqa: N802
        self, url: str | None = None, *_: Any, transport_options: dict[str, Any] | None = None, **kwargs: Any
    ) -> Connection:
        """A connection whose transport options have the app's settings.

        Its URL has no access key, as kombu shows it in logs: the settings have that.

        Raises:
            Misconfigured: a setting is missing or wrong.
        """
        settings, options = Settings.of(self.app.conf), transport_options or {}
        kombu_options.require_known(options)
        kombu_options.require_sqs("broker_url", url)
        kwargs["transport_options"] = {
            **{name: options[name] for name in options.keys() & kombu_options.OF_CONNECTION},
            "predefined_queues": {name: {"url": queue.url} for name, queue in settings.queues.items()},
            SETTINGS: settings,
            IS_EXACT: exactness(self.app),
        }
        return Connection("sqs://", **kwargs)

    def as_task_v1(self, *args: Any, replaced_task_nesting: int = 0, **options: Any) -> Any:
        """Celery's message of a call in task protocol 1, with the count of its replacements, which Celery leaves out.

        A FIFO queue would drop a replaced task without it: see `celery_sqs.publish.parameters`.
        """
        call_options.require_of_message(args, options)
        message: Any = super().as_task_v1(*args, **options)
        if replaced_task_nesting:
            message.body["replaced_task_nesting"] = replaced_task_nesting
        return message

    def as_task_v2(self, *args: Any, **options: Any) -> Any:
        """Celery's message of a call, with the texts for logs and events that the caller gives of its arguments.

        None are made: whoever receives the message makes them of the arguments themselves.
        """
        call_options.require_of_message(args, options)
        return super().as_task_v2(*args, **{"argsrepr": "", "kwargsrepr": "", **options})


def exactness(app: Any) -> Callable[[str], bool]:
    """A function for the name of a task: see `is_exact`. An app has one registry, and takes a lock to look it up."""
    registry = functools.cache(lambda: app.tasks)
    return lambda task: _is_exact(app, registry().get(task))


def is_exact(app: Any, task: str) -> bool:
    """Whether the numbers of a task's calls are exact: by its serializer, or the app's where it has no such task."""
    return _is_exact(app, app.tasks.get(task))


def _is_exact(app: Any, task: Any) -> bool:
    serializer = app.conf.task_serializer if task is None else task.serializer
    return bool(serializer == exact_json.SERIALIZER)
