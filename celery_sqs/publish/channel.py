"""The half of the channel that sends: one message for each publish, confirmed by SQS."""

from collections.abc import Mapping
from typing import Any

from kombu.transport import SQS

from celery_sqs.aws.endpoint import sqs_client
from celery_sqs.aws.purge import purge
from celery_sqs.errors import CallFailed, Unpurgeable, Unsendable
from celery_sqs.message import wire
from celery_sqs.message.outgoing import Outgoing
from celery_sqs.publish import parameters, priority
from celery_sqs.publish.amqp import IS_EXACT, SETTINGS
from celery_sqs.publish.purge_command import REFUSED
from celery_sqs.publish.sender import sender
from celery_sqs.settings import Settings


class SendingChannel(SQS.Channel):
    """kombu's channel, whose messages are sent in batches."""

    #: A body is JSON text already; kombu's default would wrap it in base64.
    body_encoding = None

    @property
    def _settings(self) -> Settings:
        settings: Settings = self.transport_options[SETTINGS]
        return settings

    def _is_exact(self, task: str) -> bool:
        """Whether a task gets exact numbers."""
        return bool(self.transport_options[IS_EXACT](task))

    def basic_publish(self, message: Any, exchange: str, routing_key: str, **kwargs: Any) -> None:
        """Send a message to the queue that the routing key names. kombu drops one that no exchange routes to a queue.

        Raises:
            Unsendable: it is for an exchange.
        """
        if exchange:
            raise Unsendable(
                f"exchange {exchange!r}: SQS has no exchanges, so name the queue (routing key {routing_key!r})"
            )
        super().basic_publish(message, exchange, routing_key, **kwargs)

    def _resolve_queue_url(self, queue: str) -> str:
        return self._settings.queue(queue).url

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        message = wire.upgraded(message)
        if wire.priority(message):
            priority.warn(message["headers"].get("task"))
        properties = message["properties"]
        beside = self.parameters(queue, message["headers"], properties)
        outgoing = wire.encode(message, self._is_exact, properties.get("message_attributes"))
        self.send(queue, outgoing, beside)

    def parameters(self, queue: str, headers: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
        """What SendMessage takes beside a message. See `celery_sqs.publish.parameters`."""
        return parameters.of(self._resolve_queue_url(queue), headers, properties)

    def send(self, queue: str, message: Outgoing, beside: Mapping[str, Any]) -> None:
        """Send a message; returns once SQS has confirmed it. See `celery_sqs.publish.sender`."""
        settings = self._settings
        sender(settings.endpoint, self._resolve_queue_url(queue)).send(message, settings.send_timeout, beside)

    def _purge(self, queue: str) -> int:
        """Delete all messages of a queue, where the settings allow it; returns about how many there were."""
        settings = self._settings
        if not settings.purge_allowed:
            raise Unpurgeable(queue, REFUSED)
        try:
            return purge(sqs_client(settings.endpoint), self._resolve_queue_url(queue))
        except CallFailed as error:
            raise Unpurgeable(queue, str(error)) from error

    def _size(self, queue: str) -> int:
        # kombu asks on every declaration, and each publish declares: a call to SQS for a number
        # that nobody reads.
        return 0
