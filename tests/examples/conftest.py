"""The project in examples/mail: copied to a folder of its own, so that its databases are new."""

import importlib
import shutil
import sys

import pytest
from celery import _state

from tests.processes import ROOT

EXAMPLE = ROOT / "examples" / "mail"
MODULES = ("shop", "outbox")


@pytest.fixture(scope="session")
def copy_of_the_example():
    """A function that copies it into a folder."""
    return lambda parent: shutil.copytree(
        EXAMPLE, parent / "mail", ignore=shutil.ignore_patterns("*.db", "__pycache__")
    )


@pytest.fixture
def folder(copy_of_the_example, tmp_path):
    """A copy of it."""
    return copy_of_the_example(tmp_path)


@pytest.fixture
def load(folder, monkeypatch):
    """A function that imports the copy's module `shop`, with its tables there and calls that run at once."""
    # A module of tasks registers these with every app of its process, and makes its app the current one.
    before, finalizers = _state._tls.current_app, set(_state._on_app_finalizers)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)

    def load():
        shop = importlib.import_module("shop")
        shop.app.conf.task_always_eager = True
        shop.outbox.create()
        return shop

    yield load
    _state._tls.current_app = before
    _state._on_app_finalizers.intersection_update(finalizers)
    for name in MODULES:
        sys.modules.pop(name, None)
