"""Task protocol 1, in which a call and all that is to be known of it are one object. Only this module knows it.

What Celery's worker makes of such a message is `celery.worker.strategy.proto1_to_proto2`. Here the same happens to its
text, when it is sent and when another producer's is received: all else has protocol 2, and a number keeps its digits
until the serializer of the task is known.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import simplejson

from celery_sqs.message import envelope
from celery_sqs.message.nesting import shallow

#: What makes up the call itself. Protocol 1 has no `chain`: its chains are callbacks.
_OF_CALL: Final = frozenset({"args", "kwargs", *envelope.EMBED})

#: An old name of `group`, and the one that counts.
_TASKSET: Final = "taskset"

#: A number with a fraction stays the text that it is.
_DECODER: Final = json.JSONDecoder(parse_float=simplejson.RawJSON)
_ENCODER: Final = simplejson.JSONEncoder(allow_nan=True, separators=(",", ":"))


def converted(text: str, headers: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Body and headers in protocol 2 of a call in protocol 1.

    Args:
        text: its body, in JSON.
        headers: of its message. They are none of Celery's, and become the task's `request.headers`.

    Raises:
        ValueError: the body is no such call.
    """
    value = shallow(text, _DECODER.decode(text))
    if not (isinstance(value, dict) and all(envelope.is_text(value.get(name)) for name in ("task", "id"))):
        raise ValueError("it is no task call: no header and no field of the body has its `task` and `id`")
    embed = {name: value.get(name) for name in envelope.EMBED} | {"chain": None}
    known = json.loads(_ENCODER.encode({name: each for name, each in value.items() if name not in _OF_CALL}))
    if _TASKSET in known:
        known["group"] = known.pop(_TASKSET)
    given = {name: each for name, each in headers.items() if each is not None}
    call = [value.get("args", []), value.get("kwargs", {}), embed]
    return _ENCODER.encode(call), known | ({envelope.INNER: given} if given else {})


def upgraded(value: dict[str, Any]) -> dict[str, Any]:
    """An envelope of protocol 2 for one of protocol 1, which has no `task` among its headers.

    Args:
        value: what `celery_sqs.message.envelope` has recognised.

    Raises:
        ValueError: it holds no task call that can be read.
    """
    headers = value["headers"]
    if "task" in headers:  # by this Celery's worker knows it
        return value
    text, known = converted(envelope.call_text(value), headers)
    return value | {"body": text, "headers": known, "properties": value["properties"] | {"body_encoding": None}}


def of_published(headers: Mapping[str, Any], body: Any) -> tuple[str, Any, Any]:
    """Task id, args and kwargs of a call, from what Celery's signals have of a publish in either protocol."""
    if isinstance(body, Mapping):
        return body["id"], body["args"], body["kwargs"]
    args, kwargs, _embed = body
    return headers["id"], args, kwargs
