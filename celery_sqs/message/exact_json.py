"""JSON that keeps every digit and refuses what JSON leaves open.

Numbers with a fraction are Decimals on both sides, never floats, so 99.90 stays 99.90. Duplicate
keys, NaN and Infinity are errors: two readers may understand them differently.
"""

import contextlib
import json
import sys
from decimal import Decimal
from typing import Any, Final

import simplejson
from kombu.serialization import register

#: The name under which Celery and kombu know this serializer, and its content type in a message.
SERIALIZER: Final = "exact-json"
CONTENT_TYPE: Final = "application/x-exact-json"

MAX_KEY: Final = 64  # characters of a key in a reason


def dumps(value: Any) -> str:
    """JSON text of a value, compact, with Decimals as numbers and text as it is.

    Raises:
        ValueError: a float that is NaN or infinite.
        TypeError: a type that JSON does not have.
    """
    return _ENCODER.encode(value)


def loads(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: not JSON, or with duplicate keys, NaN, Infinity, too deep or too long a number.
    """
    decoded = text if isinstance(text, str) else text.decode()
    try:
        return _DECODER.decode(decoded)
    except json.JSONDecodeError:
        raise
    except _NotStrict as error:
        raise ValueError(str(error)) from None  # records name the kinds of errors, but for this one
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except (ValueError, ArithmeticError) as error:  # of a number: neither says where it is
        with contextlib.suppress(RecursionError):  # behind the number
            _TO_BLAME.decode(decoded)
        raise ValueError("a number is too long") from error


class _NotStrict(ValueError):
    """JSON, but not what this module reads; the text says why."""


class _TooLong(str):
    """A number that has no value here; the text says why."""

    __slots__ = ()


def _refuse_constant(name: str) -> Any:
    raise _NotStrict(f"{name} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        seen = set(unique)
        for key, _ in pairs:
            if key not in seen:
                raise _NotStrict(f"an object names the key {_shown(key)} twice")
            seen.remove(key)
    return unique


def _shown(key: str) -> str:
    """A key for a reason: whoever wrote it may have written anything."""
    return json.dumps(key[:MAX_KEY])


def _whole(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return _TooLong(f"a whole number of more than {sys.get_int_max_str_digits()} digits")


def _with_fraction(text: str) -> Any:
    try:
        return Decimal(text)
    except ArithmeticError:
        return _TooLong("a number with an exponent that is too large")


def _blame(pairs: list[tuple[str, Any]]) -> None:
    """Name the key whose number has no value."""
    for key, value in pairs:
        if isinstance(value, _TooLong):
            raise ValueError(f"{_shown(key)} is {value}")


# Made once: the modules' functions make one for each call that asks for anything but their defaults.
_ENCODER: Final = simplejson.JSONEncoder(use_decimal=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
#: Reads what `_DECODER` cannot, to say which number it is.
_TO_BLAME: Final = json.JSONDecoder(parse_int=_whole, parse_float=_with_fraction, object_pairs_hook=_blame)

register(SERIALIZER, dumps, loads, CONTENT_TYPE, "utf-8")
