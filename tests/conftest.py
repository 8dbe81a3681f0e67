"""What the tests share: an emulator, a database server, settings and tokens."""

import os
from datetime import timedelta

import pytest

from app.tokens import issue
from config.settings import Settings
from tests import mariadb
from tests.emulator import Emulator, Queues
from tests.mariadb import MariaDB

JWT_SECRET = "a-secret-of-the-tests-and-of-nobody-else"
VISIBILITY_TIMEOUT = 2  # seconds; what a test waits for a failed message


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    server = Emulator(tmp_path_factory.mktemp("emulator"))
    yield server
    server.stop()


@pytest.fixture
def queues(emulator):
    both = Queues.fresh(emulator, VISIBILITY_TIMEOUT)
    yield both
    both.delete()


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory):
    if not mariadb.installed():
        if os.environ.get("CI") == "true":
            pytest.fail("mariadbd is not installed")
        pytest.skip("mariadbd is not installed")
    server = MariaDB(tmp_path_factory.mktemp("mariadb"))
    yield server
    server.stop()


@pytest.fixture(params=["mariadb", "sqlite"])
def database_url(request, tmp_path):
    """A fresh database of each kind."""
    if request.param == "mariadb":
        return request.getfixturevalue("mariadb_server").fresh()
    url = f"sqlite:///{tmp_path}/orders.db"
    mariadb.migrate(url)
    return url


@pytest.fixture
def settings():
    """Settings for parts that talk to nobody."""
    return make_settings()


@pytest.fixture
def token():
    """A function that makes the Authorization header of a user."""

    def make(user_id=1, scopes=("orders:read", "orders:write"), lifetime=timedelta(minutes=5), secret=JWT_SECRET):
        return {"Authorization": f"Bearer {issue(secret, user_id, list(scopes), lifetime)}"}

    return make


def make_settings(**changes):
    nowhere = "http://127.0.0.1:1"
    values = {
        "app_env": "development",
        "aws_region": "us-east-1",
        "sqs_endpoint": nowhere,
        "sqs_queue_url": f"{nowhere}/000000000000/orders",
        "sqs_dlq_url": None,
        "sqs_send_timeout": 5.0,
        "database_url": "sqlite://",
        "jwt_secret": JWT_SECRET,
        "jwt_jwks_url": None,
        "jwt_audience": None,
        "jwt_issuer": None,
        "order_id_secret": "the-order-id-secret-of-the-tests-alone",
        "bind_host": "127.0.0.1",
        "port": 8000,
        "web_workers": 2,
        "web_threads": 16,
        "worker_health_port": 0,
        "log_level": "INFO",
        "log_format": "json",
    }
    return Settings(**values | changes)
