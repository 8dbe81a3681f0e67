"""The envelopes of other services around a message: opened where the queue is configured so, and else refused by name.

An envelope is opened when its message is decoded, and nowhere else: what is renewed, released or dead is the message as
it came. One with our own attributes is a call, and has no envelope.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from celery_sqs.errors import Undecodable
from celery_sqs.message import exact_json, wire
from celery_sqs.message.nesting import shallow
from celery_sqs.message.outgoing import escaped

#: Opens an envelope: gets the body and the message attributes that SQS gave, and returns those of the call. What is no
#: such envelope is returned as it is. Raises ValueError for one that holds no call.
Unwrap = Callable[[str, Mapping[str, Any]], tuple[str, Mapping[str, Any]]]

#: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
_OF_SNS: Final = frozenset({"Type", "MessageId", "TopicArn", "Message"})
_NOTIFICATION: Final = "Notification"
_OTHER_TYPES: Final = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})

#: https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
_OF_EVENTBRIDGE: Final = frozenset({"version", "id", "detail-type", "source", "account", "time", "region", "detail"})


def sns(body: str, attributes: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Open an SNS notification. With raw message delivery there is none around the message."""
    notification = _notification(body)
    if notification is None:
        return body, attributes
    if notification["Type"] != _NOTIFICATION:
        raise ValueError(f"an SNS {notification['Type']} holds no call")
    given = notification.get("MessageAttributes") or {}
    return notification["Message"], {name: _attribute(value) for name, value in given.items()}


def eventbridge(body: str, attributes: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Open an event of EventBridge: its detail is the one argument of a call."""
    event = _event(body)
    return (body, attributes) if event is None else (escaped(exact_json.dumps(event["detail"])), attributes)


def plain(body: str, attributes: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Open nothing: a task gets an envelope as its argument."""
    return body, attributes


#: By their names in `celery_sqs.Queue.envelope`, which `celery_sqs.settings` checks.
BY_NAME: Final[Mapping[str, Unwrap]] = {"eventbridge": eventbridge, "plain": plain, "sns": sns}


def steps(envelope: Any) -> tuple[Unwrap, ...]:
    """What opens the messages of a queue, outermost first.

    Args:
        envelope: `celery_sqs.Queue.envelope`.
    """
    given = envelope if isinstance(envelope, list | tuple) else [] if envelope is None else [envelope]
    return tuple(BY_NAME[each] if isinstance(each, str) else each for each in given)


def unwrapped(message: dict[str, Any], unwraps: Sequence[Unwrap]) -> dict[str, Any]:
    """A received message with the body and the attributes of its call.

    Args:
        message: an entry of ReceiveMessage's answer, from `celery_sqs.message.renewal.opened`.
        unwraps: of its queue, from `steps`.

    Raises:
        Undecodable: it has an envelope that its queue is not configured for, or that holds no call.
    """
    attributes, body = message.get("MessageAttributes") or {}, message.get("Body")
    if not isinstance(body, str) or not wire.OURS.isdisjoint(attributes):
        return message
    # An adopter's may raise anything.
    try:
        for unwrap in unwraps:
            body, attributes = _checked(unwrap(body, attributes))
    except Exception as error:
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        raise Undecodable(f"its envelope cannot be opened: {kind}{error}"[: wire.MAX_REASON]) from error
    if plain not in unwraps:
        _require_none(body)
    return message | {"Body": body, "MessageAttributes": dict(attributes)} if unwraps else message


def _checked(opened: Any) -> tuple[str, Mapping[str, Any]]:
    match opened:
        case (str(body), Mapping() as attributes):
            return body, attributes
    raise TypeError("what opens it has to return body and attributes")


def _require_none(body: str) -> None:
    """Refuse an envelope that is left: its task would get it in place of its argument."""
    try:
        found = ("an SNS notification", "sns") if _notification(body) else None
        found = found or (("an EventBridge event", "eventbridge") if _event(body) else None)
    except ValueError:
        return  # whoever decodes it says what is wrong
    if found:
        text, name = found
        raise Undecodable(f"{text}, and the queue is not configured for it: set its envelope to {name!r} (or 'plain')")


def _notification(body: str) -> dict[str, Any] | None:
    value = _object(body, "TopicArn")
    is_one = value is not None and value.keys() >= _OF_SNS and value["Type"] in {_NOTIFICATION, *_OTHER_TYPES}
    return value if value is not None and is_one and isinstance(value["Message"], str) else None


def _event(body: str) -> dict[str, Any] | None:
    value = _object(body, "detail-type")
    return value if value is not None and value.keys() >= _OF_EVENTBRIDGE else None


def _object(body: str, key: str) -> dict[str, Any] | None:
    """The object of a body; None where it has no such key, as nearly all have."""
    if f'"{key}"' not in body:
        return None
    value = shallow(body, exact_json.loads(body.removeprefix(wire.BYTE_ORDER_MARK)))
    return value if isinstance(value, dict) else None


def _attribute(value: Any) -> dict[str, str]:
    """A message attribute of a notification, as SQS gives it."""
    part = "BinaryValue" if value["Type"] == "Binary" else "StringValue"
    return {"DataType": value["Type"], part: value["Value"]}
