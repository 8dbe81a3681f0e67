"""Clusters for fault injection, which share an emulator and a database server."""

import contextlib

import pytest

from tests.faults.cluster import Cluster
from tests.faults.proxy import Proxy


@pytest.fixture
def proxy(emulator):
    """A proxy before the emulator, with a seed of its own."""
    running = Proxy(emulator.url, seed=1)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def start_cluster(emulator, mariadb_server, tmp_path_factory):
    """A function that starts a cluster, as a context manager."""

    @contextlib.contextmanager
    def start(**numbers):
        with Cluster(emulator, mariadb_server, tmp_path_factory.mktemp("cluster"), **numbers) as cluster:
            yield cluster

    return start
