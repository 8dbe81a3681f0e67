"""Stages for faults, each with an emulator and a database server that all share."""

import contextlib

import pytest

from tests.faults.proxy import Proxy
from tests.faults.stage import Stage


@pytest.fixture
def proxy(emulator):
    """A proxy before the emulator, with a seed of its own."""
    running = Proxy(emulator.url, seed=1)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def stages(emulator, mariadb_server, tmp_path_factory):
    """A function that sets a stage, as a context manager."""

    @contextlib.contextmanager
    def stage(**numbers):
        with Stage(emulator, mariadb_server, tmp_path_factory.mktemp("stage"), **numbers) as one:
            yield one

    return stage
