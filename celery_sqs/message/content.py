"""The body of a message: a task call in JSON, as Celery's serializer `json` reads it, or exact.

A body carries no content type: the task's `serializer` says which of the two it is. Sender and worker know it by the
task's name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from celery.utils.saferepr import saferepr
from kombu.utils import json as kombu_json

from celery_sqs.message import envelope, exact_json
from celery_sqs.message.nesting import shallow

MAX_REPR: Final = 1024  # characters of arguments in logs and events; Celery's own default

_NO_EMBED: Final = dict.fromkeys(envelope.EMBED)


@dataclass(frozen=True, slots=True)
class _Format:
    """A way to write a call.

    Attributes:
        content_type: kombu's name for it.
        dumps: gives the text of a value.
        loads: gives the value of a text; raises ValueError.
        end: what follows the one argument of a call that travels as a plain object.
    """

    content_type: str
    dumps: Callable[[Any], str]
    loads: Callable[[str], Any]
    end: str


EXACT: Final = _Format(
    exact_json.CONTENT_TYPE, exact_json.dumps, exact_json.loads, "],{}," + exact_json.dumps(_NO_EMBED) + "]"
)
CELERYS: Final = _Format(
    envelope.KOMBU_JSON, kombu_json.dumps, envelope.celery_loads, "], {}, " + kombu_json.dumps(_NO_EMBED) + "]"
)
_OF_ENVELOPES: Final = _Format(envelope.CONTENT_TYPE, exact_json.dumps, envelope.loads, "")


@dataclass(frozen=True, slots=True)
class Content:
    """A call that was read.

    Attributes:
        content_type: of the text, by which Celery reads it again in its pool.
        text: `[args, kwargs, embed]` in JSON.
        call: the same, read.
        argsrepr: the positional arguments, for logs and events.
        kwargsrepr: the others.
    """

    content_type: str
    text: str
    call: list[Any]
    argsrepr: str
    kwargsrepr: str


def require_json(content_type: str) -> None:
    """Refuse the body of a serializer whose content is not sent.

    Raises:
        ValueError: it is none of the two that are.
    """
    if content_type not in (EXACT.content_type, CELERYS.content_type):
        raise ValueError(f"the body is {content_type!r}: this transport sends JSON")


def written(text: str, content_type: str, is_exact: bool) -> str:
    """The body of a call that kombu has written.

    Args:
        text: `[args, kwargs, embed]`.
        content_type: kombu's name of the format.
        is_exact: whether the task gets exact numbers. Then numbers of Celery's JSON are written as such.

    Raises:
        ValueError: it is no task call in JSON.
    """
    require_json(content_type)
    form = EXACT if content_type == exact_json.CONTENT_TYPE else CELERYS
    if is_exact and form is CELERYS:
        form, text = EXACT, exact_json.dumps(envelope.loads(text))
    # Nearly every call: the object is in there as text, and need not be written again.
    if text.startswith("[[{") and text.endswith(form.end):
        plain = text[2 : -len(form.end)]
        try:
            shallow(plain, form.loads(plain))
        except ValueError:
            pass  # several arguments, or what the next lines refuse
        else:
            return plain
    args, kwargs, embed = envelope.checked_call(shallow(text, form.loads(text)))
    is_plain = not kwargs and not any(embed.values()) and len(args) == 1 and isinstance(args[0], dict)
    return form.dumps(args[0]) if is_plain else text


def written_object(value: dict[str, Any], is_exact: bool) -> str:
    """The body of a call with one object: what `written` makes of it.

    Raises:
        ValueError, TypeError: it is no JSON.
    """
    form = EXACT if is_exact else CELERYS
    body = form.dumps(value)
    # What Python can write may be what nobody can read, such as an object that names a key twice.
    shallow(body, form.loads(body))
    return body


def read(body: str, is_exact: bool) -> Content:
    """The call of a body, or of the one object that it is.

    Raises:
        ValueError: it is none.
    """
    form = EXACT if is_exact else CELERYS
    value = shallow(body, form.loads(body))
    if body.lstrip().startswith("{"):
        call = [[value], {}, dict.fromkeys(envelope.EMBED)]
        return Content(form.content_type, f"[[{body}{EXACT.end}", call, f"[{body[:MAX_REPR]}]", "{}")
    call = envelope.checked_call(value)
    return Content(form.content_type, body, call, *_reprs(call))


def read_enveloped(body: str, is_exact: bool) -> Content:
    """The call of a body out of kombu's envelope.

    Raises:
        ValueError: it is none.
    """
    form = _OF_ENVELOPES if is_exact else CELERYS
    call = envelope.checked_call(shallow(body, form.loads(body)))
    return Content(form.content_type, body, call, *_reprs(call))


def _reprs(call: list[Any]) -> tuple[str, str]:
    args, kwargs, _ = call
    return without_half_pairs(saferepr(args, MAX_REPR)), without_half_pairs(saferepr(kwargs, MAX_REPR))


def without_half_pairs(text: str) -> str:
    """Text without half surrogate pairs, which neither logs nor databases take."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
