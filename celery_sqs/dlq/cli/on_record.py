"""What a command that changes something puts on record: who does it, and why."""

import getpass
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

C = TypeVar("C", bound=Callable[..., Any])


def on_record(command: C) -> C:
    """Give a command the parameters `reason` and `operator`."""
    return by_operator(click.option("--reason", required=True, help="Why; on record.")(command))


def by_operator(command: C) -> C:
    """Give a command the parameter `operator`."""
    return click.option("--as", "operator", default=_system_user, help="Who does it, if not you.")(command)


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that has no name
        return f"uid {os.getuid()}"
