"""A received message, as kombu hands it to Celery."""

from typing import Any

from kombu.transport import virtual

from celery_sqs.message import wire


class Message(virtual.Message):
    """A message whose call has been parsed already, by `wire.decode`."""

    def __init__(self, payload: dict[str, Any], channel: Any = None, **kwargs: Any) -> None:
        super().__init__(payload, channel, **kwargs)
        self._decoded_cache = payload[wire.CALL]
