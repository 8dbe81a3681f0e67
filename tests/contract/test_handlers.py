"""A handler that catches everything raises, logs, or passes on what it has caught: no error disappears in it."""

import ast

from tests.processes import ROOT

FOLDERS = ("app", "celery_sqs", "config", "orders", "tasks", "dev", "bench")
EVERYTHING = {"Exception", "BaseException"}


def catches_everything(handler):
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or getattr(each, "id", None) in EVERYTHING for each in caught)


def keeps_the_error(handler):
    for node in (node for statement in handler.body for node in ast.walk(statement)):
        logs = isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == "logger"
        passes_on = isinstance(node, ast.Name) and node.id == handler.name
        if isinstance(node, ast.Raise) or logs or passes_on:
            return True
    return False


def handlers():
    """Each handler that catches everything, by its place."""
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and catches_everything(node):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_no_handler_that_catches_everything_loses_the_error():
    assert [place for place, handler in handlers() if not keeps_the_error(handler)] == []


def test_there_are_handlers_to_look_at_and_one_that_loses_the_error_is_found():
    assert len(list(handlers())) > 20
    [lost] = [
        node for node in ast.walk(ast.parse("try: f()\nexcept Exception: g()")) if isinstance(node, ast.ExceptHandler)
    ]
    assert catches_everything(lost)
    assert not keeps_the_error(lost)
