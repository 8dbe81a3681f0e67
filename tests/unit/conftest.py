"""What the unit tests share: Hypothesis' settings, the application on a fake queue, and a channel turned by hand."""

import dataclasses

import pytest
from hypothesis import settings as hypothesis_settings
from prometheus_client import REGISTRY

from app import create_app
from config.settings import Settings
from orders.database import connect
from orders.identity import Identity
from orders.store import OrderStore
from tests.conftest import make_settings
from tests.unit.channels import Stand
from tests.unit.fakes import FakeQueue

# The same examples on every run: a gate that fails now and then is soon ignored. No deadline: on a
# busy machine a pause of the garbage collector would be a failure.
hypothesis_settings.register_profile("house", derandomize=True, deadline=None, database=None, max_examples=50)
hypothesis_settings.load_profile("house")


@pytest.fixture
def queue():
    return FakeQueue()


@pytest.fixture
def stand():
    stand = Stand()
    yield stand
    stand.connection.release()


@pytest.fixture
def engine(empty_database, tmp_path):
    (tmp_path / "orders.db").write_bytes(empty_database)
    engine = connect(f"sqlite:///{tmp_path}/orders.db")
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine):
    return OrderStore(engine)


@pytest.fixture
def app(store, queue, tmp_path):
    settings = make_settings(database_url=f"sqlite:///{tmp_path}/orders.db")
    return create_app(settings, store=store, queue=queue)


@pytest.fixture
def api(app):
    return app.test_client()


@pytest.fixture
def identity():
    """The application's own issuer of order ids."""
    return Identity(make_settings().order_id_secret)


@pytest.fixture
def unrecorded():
    """A function that says how many attempts have been counted in this test that are not on record."""
    before = REGISTRY.get_sample_value("sqs_unrecorded_attempts_total")
    return lambda: REGISTRY.get_sample_value("sqs_unrecorded_attempts_total") - before


@pytest.fixture
def environ(monkeypatch, tmp_path):
    """A function that makes the environment say exactly this; what was there comes back afterwards."""
    monkeypatch.chdir(tmp_path)
    names = [field.name.upper() for field in dataclasses.fields(Settings)]

    def say(**variables):
        for name in names:
            # Set first, so that a variable that a .env file brings in is taken away again as well.
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return say
