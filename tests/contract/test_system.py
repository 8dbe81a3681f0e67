"""The framework asks for time and threads in one place, `celery_sqs.system`, or the simulation would not have them."""

import ast

import pytest

from celery_sqs import system
from tests.processes import ROOT

PLACE = "system.py"

#: The queue of the command listener is waited for by the thread that replies. The simulation has no monitor.
OTHERS = {"monitor/control/listener.py": {"queue"}}

#: Modules, and what may be had of them: types and functions that wait for nothing but what was made by `system`.
REFUSED = {
    "concurrent.futures": {"FIRST_COMPLETED", "Future", "TimeoutError", "wait"},
    "multiprocessing": set(),
    "queue": set(),
    "sched": set(),
    "threading": set(),
    "time": set(),
}


def problems(tree):
    """What a module has of these, by line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names if each.name in REFUSED)
        elif isinstance(node, ast.ImportFrom) and node.module in REFUSED:
            names = {each.name for each in node.names} - REFUSED[node.module]
            yield from ((node.lineno, f"{node.module}.{name}") for name in names)
        elif isinstance(node, ast.ImportFrom) and node.module == "concurrent":
            yield node.lineno, "concurrent.futures"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in {
            "datetime.now",
            "datetime.utcnow",
            "date.today",
            "socket.socketpair",
        }:
            yield node.lineno, ast.unparse(node)


def test_no_module_asks_the_system_by_itself():
    found = {}
    for path in sorted((ROOT / "celery_sqs").rglob("*.py")):
        name = str(path.relative_to(ROOT / "celery_sqs"))
        if name != PLACE:
            asked = problems(ast.parse(path.read_text()))
            found |= {f"{name}:{line}": what for line, what in asked if what not in OTHERS.get(name, ())}
    assert found == {}


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "import threading",
        "from time import monotonic",
        "from concurrent.futures import ThreadPoolExecutor",
        "from datetime import datetime\ndatetime.now()",
    ],
)
def test_one_that_does_is_found(code):
    assert list(problems(ast.parse(code)))


def test_in_production_there_is_nothing_in_between():
    modules = {name: getattr(system, name).__name__ for name in ("futures", "threading", "time")}
    assert modules == {"futures": "concurrent.futures", "threading": "threading", "time": "time"}
