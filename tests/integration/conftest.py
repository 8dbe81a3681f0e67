"""What the integration tests share: a store on a fresh database of each kind."""

import pytest

from orders.database import connect
from orders.store import OrderStore


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def administrator(administrator_url):
    """An engine that may change the tables."""
    engine = connect(administrator_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine):
    return OrderStore(engine)
