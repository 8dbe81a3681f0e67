"""JSON that keeps every digit and refuses what JSON leaves open.

Numbers with a fraction are Decimals on both sides, never floats, so 99.90 stays 99.90. Duplicate
keys, NaN and Infinity are errors: two readers may understand them differently.
"""

import json
from decimal import Decimal
from typing import Any, Final

import simplejson
from kombu.serialization import register

#: The name under which Celery and kombu know this serializer, and its content type in a message.
SERIALIZER: Final = "exact-json"
CONTENT_TYPE: Final = "application/x-exact-json"


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
    try:
        return _DECODER.decode(text if isinstance(text, str) else text.decode())
    except (RecursionError, ArithmeticError) as error:
        raise ValueError(f"cannot be read as JSON: {type(error).__name__}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("an object names a key twice")
    return unique


# Made once: the modules' functions make one for each call that asks for anything but their defaults.
_ENCODER: Final = simplejson.JSONEncoder(use_decimal=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)

register(SERIALIZER, dumps, loads, CONTENT_TYPE, "utf-8")
