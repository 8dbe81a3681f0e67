"""W3C trace context: which trace a message belongs to, from the client's headers to the worker's logs.

https://www.w3.org/TR/trace-context/

It travels among the headers of the message, so it is the same for each of its attempts, and after a
redrive. A client that sends none begins no trace.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
HEADERS: Final = (TRACEPARENT, TRACESTATE)

#: A version that we do not know may have more fields; `ff` is invalid.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})(?P<parent>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<extension>-.*)?",
    re.ASCII,
)
_VERSION: Final = "00"
_KNOWN_FLAGS: Final = 0b11  # sampled, random

_KEY: Final = r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
_VALUE: Final = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER: Final = re.compile(rf"({_KEY})=({_VALUE})", re.ASCII)

MAX_MEMBERS: Final = 32
MAX_TRACESTATE: Final = 512  # characters: the specification asks for no more, and SQS bills by size


def trace_context(headers: Mapping[str, Any]) -> dict[str, str]:
    """The trace context in some headers, valid by version 00 of the specification; empty where there is none."""
    match = _match(headers)
    if match is None:
        return {}
    flags = int(match["flags"], 16) & _KNOWN_FLAGS
    context = {TRACEPARENT: f"{_VERSION}-{match['trace']}-{match['parent']}-{flags:02x}"}
    state = _tracestate(headers.get(TRACESTATE))
    return context | {TRACESTATE: state} if state else context


def trace_id(headers: Mapping[str, Any]) -> str | None:
    """The trace id in some headers, which need not be valid; None where there is none."""
    match = _match(headers)
    return match["trace"] if match else None


def _match(headers: Mapping[str, Any]) -> re.Match[str] | None:
    value = headers.get(TRACEPARENT)
    match = _TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
    return match if match and not (match["version"] == _VERSION and match["extension"]) else None


def _tracestate(value: Any) -> str:
    """The members of a `tracestate`; none at all where one of them is malformed or there twice."""
    members = [member.strip(" \t") for member in value.split(",")] if isinstance(value, str) else []
    matches = [_MEMBER.fullmatch(member) for member in members if member]
    keys = {match[1] for match in matches if match}
    state = ",".join(match[0] for match in matches if match)
    is_valid = len(keys) == len(matches) <= MAX_MEMBERS and len(state) <= MAX_TRACESTATE
    return state if is_valid else ""
