"""A command as it was typed, to be pasted with another one in its place."""

import shlex
from collections.abc import Sequence

import click


def group_as_typed(context: click.Context, arguments: Sequence[str]) -> str:
    """The words before a command's own name, options such as `-A shop` among them.

    Args:
        context: the command's.
        arguments: the program's. Where the command is not among them, as it was called by code, it is the group's name.
    """
    root = context.find_root()
    names: list[str] = []
    each: click.Context | None = context
    while each is not None and each is not root:
        names.insert(0, str(each.info_name))
        each = each.parent
    end = 0
    for name in names:
        if name not in arguments[end:]:
            return context.parent.command_path if context.parent else str(context.info_name)
        end = arguments.index(name, end) + 1
    return shlex.join([*str(root.info_name).split(), *arguments[: end - 1]])
