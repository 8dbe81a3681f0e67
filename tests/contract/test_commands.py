"""The commands that pages and hints name exist: with these options, and for queues that there are."""

import re
import shlex

import click
import pytest
from celery.bin.celery import celery

from app import create_app
from config.queues import ORDER_QUEUE
from tests.conftest import make_settings
from tests.processes import ROOT

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
CODE = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("app", "celery_sqs", "orders", "tasks")
    for path in (ROOT / folder).rglob("*.py")
)
COMMAND = re.compile(r"(?:flask|celery -A \w+)(?= [\w-])[^`|)\"#\n]*")
GROUP = re.compile(r"(?:flask --app app \w+|celery -A tasks sqs) ")
IN_CODE = re.compile(rf"[`(\"]({COMMAND.pattern})[`)\"]")
QUEUES = {ORDER_QUEUE.name}
AND_SO_ON = "..."  # any command of a group, or any value of an option


class Wrong(Exception):
    """A command that cannot be given."""


@pytest.fixture(scope="module")
def flask():
    """The application's commands, with Flask's options."""
    commands = click.Group("flask", params=[click.Option(["--app"])])
    commands.commands = create_app(make_settings()).cli.commands
    return commands


@pytest.fixture
def check(flask):
    def check(text):
        program, *arguments = shlex.split(text)
        parsed(flask if program == "flask" else celery, program, arguments)

    return check


def parsed(command, name, arguments, parent=None):
    """Have click parse a command, with those of its groups, and run nothing."""
    context = command.context_class(command, info_name=name, parent=parent)
    try:
        values, rest, _ = command.make_parser(context).parse_args(list(arguments))
    except click.UsageError as error:
        raise Wrong(error.format_message()) from error
    if isinstance(command, click.Group):
        if rest and rest[0] != AND_SO_ON:
            found = command.get_command(context, rest[0])
            if found is None:
                raise Wrong(f"{name} has no command {rest[0]}")
            parsed(found, rest[0], rest[1:], context)
    elif rest and not command.allow_extra_args:
        raise Wrong(f"{name} takes no {rest}")
    require_queues(context, values)


def require_queues(context, values):
    """Queues of the order intake are given by the name that they have in it."""
    if context.find_root().info_name != "celery":
        return
    named = {value for name in ("queue", "queues") for value in as_list(values.get(name))}
    unknown = {name for name in named - QUEUES - {AND_SO_ON} if not name.isupper()}  # QUEUE is anybody's own
    if unknown:
        raise Wrong(f"there is no queue {unknown}")


def as_list(value):
    return [value] if isinstance(value, str) else list(value) if isinstance(value, tuple) else []


def commands_of_page(page):
    """Each command of a page. In a row of a table those that follow it, such as `show`, are of the same group."""
    for line in (ROOT / page).read_text().splitlines():
        yield from (found.strip() for found in COMMAND.findall(line))
        cell = line.split("|")[1] if line.startswith("|") else ""
        first, *others = re.findall(r"`([^`]+)`", cell) or [""]
        if group := GROUP.match(first):
            yield from (f"{group[0]}{other}" for other in others)


def commands_of_code(file):
    return [found.strip() for found in IN_CODE.findall((ROOT / file).read_text())]


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_exist(page, check):
    assert wrong(commands_of_page(page), check) == []


def test_the_commands_of_hints_and_docstrings_exist(check):
    assert wrong((command for file in CODE for command in commands_of_code(file)), check) == []


def test_there_are_commands_to_look_for():
    assert len([command for page in PAGES for command in commands_of_page(page)]) > 30
    assert len([command for file in CODE for command in commands_of_code(file)]) > 10


@pytest.mark.parametrize(
    "command",
    [
        "flask --app app dlq scan",
        "flask --app app dlq redrive --nobody",
        "flask --app app nothing",
        "celery -A tasks sqs nothing",
        "celery -A tasks sqs pause orders --reason ...",
        "celery -A tasks sqs queues --jsn",
        "celery -A tasks sqs preflight orders",
        "celery -A tasks sqs pauses order-processing-queue",
    ],
)
def test_a_command_that_does_not_exist_is_recognised(command, check):
    with pytest.raises(Wrong):
        check(command)


def wrong(commands, check):
    found = []
    for command in commands:
        try:
            check(command)
        except Wrong as error:
            found.append(f"{command}: {error}")
    return found
