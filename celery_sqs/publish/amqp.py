"""Celery's way to its broker connections, which hands the app's settings to the transport."""

from typing import Any, Final

from celery.app import amqp
from kombu import Connection

from celery_sqs.settings import Settings

#: The transport option that holds the app's `Settings`.
SETTINGS: Final = "celery_sqs"


class AMQP(amqp.AMQP):
    """`app.amqp`, set by `celery_sqs.setup`."""

    def Connection(  # type: ignore[override]  # a class attribute of Celery's  # noqa: N802
        self, *args: Any, transport_options: dict[str, Any] | None = None, **kwargs: Any
    ) -> Connection:
        """A connection whose transport options have the app's settings.

        Raises:
            Misconfigured: a setting is missing or wrong.
        """
        settings = Settings.of(self.app.conf)
        queues = {name: {"url": queue.url} for name, queue in settings.queues.items()}
        kwargs["transport_options"] = {**(transport_options or {}), "predefined_queues": queues, SETTINGS: settings}
        return Connection(*args, **kwargs)
