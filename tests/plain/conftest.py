"""Our worker and plain Celery's, each on a fresh queue behind a proxy."""

import pytest

from tests import mariadb
from tests.faults.proxy import Proxy
from tests.plain.systems import Here, PlainCelery


@pytest.fixture
def proxy(emulator):
    between = Proxy(emulator.url)
    yield between
    between.stop()


@pytest.fixture
def here(queues, proxy, tmp_path):
    database_url = f"sqlite:///{tmp_path}/orders.db"
    mariadb.migrate(database_url)
    system = Here(queues, proxy, tmp_path, database_url)
    yield system
    system.close()


@pytest.fixture
def plain(queues, proxy, tmp_path):
    system = PlainCelery(queues, proxy, tmp_path)
    yield system
    system.close()
