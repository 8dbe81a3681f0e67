"""What the commands print: tables and JSON. Text from messages is untrusted, also on a terminal."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any, Final

import click
import simplejson

from celery_sqs.message import exact_json

#: Characters of a line where the output is no terminal.
WIDTH: Final = 120

#: Characters of a reason or an error where there is room for it.
MAX_TEXT: Final = 2000


def safe(text: str) -> str:
    """Text without characters that a terminal obeys; line breaks stay."""
    return "".join(each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text)


def line(text: str, width: int = WIDTH) -> str:
    """Text in one safe line of so many characters, at the most."""
    flat = " ".join(safe(text).split())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"


def readable(body: str) -> str:
    """A message's body as people read it: indented if it is JSON, its numbers digit by digit as they are."""
    try:
        return simplejson.dumps(exact_json.loads(body), use_decimal=True, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return body


def instant(at: datetime | None) -> str:
    """An instant as people read it, in UTC."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def print_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows in columns; the last column gets what is left of the line."""
    if not rows:
        click.echo("none")
        return
    cells = [[line(str(value)) for value in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header) - 1)]
    room = max(20, shutil.get_terminal_size((WIDTH, 0)).columns - sum(widths) - 2 * len(widths))
    for row in cells:
        padded = [value.ljust(width) for value, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*padded, line(row[-1], room)]).rstrip())


def print_json(value: Any) -> None:
    """Print a value as one line of JSON; ASCII only, so that nothing in it reaches a terminal as it is."""
    click.echo(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
