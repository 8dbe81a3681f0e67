"""What docs/internals.md names is in the code: paths, classes, functions, threads, states, what deletes messages."""

import ast
import re

import pytest

from celery_sqs.consume.delivery import FOLLOWING, State
from celery_sqs.settings import DEFAULTS
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "internals.md").read_text()
FRAMEWORK = ROOT / "celery_sqs"
TREES = {path: ast.parse(path.read_text()) for path in sorted(FRAMEWORK.rglob("*.py"))}

#: Words in backticks that are SQS's, Celery's or a user's.
OTHERS = {
    "ChangeMessageVisibilityBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
    "GetQueueAttributes",
    "ReceiveMessage",
    "SendMessageBatch",
    "celery -A shop sqs",
    "celery purge",
    "closed_at",
    "eta",
    "housekeeping",
    "maxReceiveCount",
}

MOST_MODULES = 6  # of the path of a delivery

#: Modules that name the call that deletes: the client has it, and a docstring lists the batch calls.
ONLY_NAMES_DELETE = {"celery_sqs/aws/client.py", "celery_sqs/aws/batch_call.py"}


def section(heading):
    """The text between a heading and the next one."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section {heading!r}"
    return found[1]


def first_column(heading):
    """What stands in backticks in the first column of a section's table."""
    return re.findall(r"^\| `([^`]+)` \|", section(heading), re.MULTILINE)


def definitions():
    """Every class, function, method and constant of the framework, by the names that a page gives them."""
    names = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                names |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                names.add(node.name)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
    return names


def threads():
    """The names of all threads that the framework starts, with N for a number."""
    names = set()
    for node in (node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.Call)):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [*node.args, *(each.value for each in node.keywords if each.arg in {"name", "thread_name_prefix"})]
        if called in {"Guarded", "Thread", "ThreadPoolExecutor"}:
            names |= {name for each in given if (name := text(each)).startswith("sqs-")}
        elif called == "GroupCommit":
            names.add(f"{text(given[0])}-N")
    return names


def text(node):
    """A string in the code, with N for what an f-string puts in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return "N"
    return str(node.value) if isinstance(node, ast.Constant) else ""


KNOWN = definitions() | threads() | DEFAULTS.keys() | set(State)
NAMES = sorted(set(re.findall(r"`([^`\n]+)`", PAGE)) - OTHERS)


def exists(name):
    if "/" in name:
        path = ROOT / name
        # A part of one module may become a folder without becoming another part.
        return path.exists() or path.with_suffix(".py").exists()
    return name in KNOWN


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_the_page_names_exists(name):
    assert exists(name), f"docs/internals.md names {name}, which is not there"


def test_the_page_names_something():
    assert len(NAMES) > 50


def test_the_way_of_a_delivery_has_at_most_six_modules():
    modules = re.findall(r"^\d\. `([^`]+)`:", section("The path of a delivery"), re.MULTILINE)
    assert 0 < len(modules) <= MOST_MODULES
    assert all((ROOT / module).is_file() for module in modules)


def test_the_diagram_has_the_states_and_arrows_of_the_code():
    drawn = set(re.findall(r"^ +(\S+) --> (\S+)", section("The states of a delivery"), re.MULTILINE))
    ends = {state for state, following in FOLLOWING.items() if not following}
    assert drawn == {
        ("[*]", State.READY),
        *((state, then) for state, following in FOLLOWING.items() for then in following),
        *((state, "[*]") for state in ends),
    }


def test_every_state_is_explained():
    assert first_column("The states of a delivery") == list(State)


def test_the_page_names_each_thread_that_the_framework_starts_and_no_other():
    assert sorted(first_column("Threads")) == sorted(threads())


def test_the_page_names_each_place_that_may_delete_a_message():
    deleting = {
        path.relative_to(ROOT).as_posix()
        for path in TREES
        if re.search("delete_message|DeleteMessage|purge_queue", path.read_text())
    }
    assert set(first_column("What may delete a message")) == deleting - ONLY_NAMES_DELETE


def test_every_folder_of_the_framework_is_on_the_page():
    folders = {f"celery_sqs/{path.name}" for path in FRAMEWORK.iterdir() if (path / "__init__.py").exists()}
    assert folders <= set(first_column("Folders and modules"))


def test_the_page_says_nothing_of_orders():
    assert re.findall(r"\borders\b|persist_order", PAGE) == []
