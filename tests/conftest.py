"""What the tests share: an emulator, a database server, settings and tokens."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.tokens import issue
from config.settings import Settings
from tests import mariadb
from tests.emulator import EMULATORS, Queues
from tests.mariadb import MariaDB

JWT_SECRET = "a-secret-of-the-tests-and-of-nobody-else"
VISIBILITY_TIMEOUT = 2  # seconds; what a test waits for a failed message

#: Tests of what SQS does with our calls or plain Celery's, and where they run. All others run on the light emulator, to
#: be short. `make test-localstack` runs more on LocalStack.
EMULATORS_OF = {
    "emulators/": ("ministack", "simulated"),
    "integration/test_transport.py": tuple(EMULATORS),
    "localstack/": tuple(EMULATORS),
    "plain/test_fates.py": ("ministack", "localstack"),
    "plain/test_holding.py": ("ministack", "localstack"),
}


def pytest_addoption(parser):
    parser.addoption("--emulator", choices=EMULATORS, help="run everything on this one")


def pytest_configure(config):
    config.addinivalue_line("markers", "plain: shows a defect of plain Celery, so that we notice when it is mended")
    config.addinivalue_line(
        "markers", "long: takes more than 6 s: a browser, many processes, a million rows, a real time limit"
    )
    config.addinivalue_line("markers", "differs(kind, ...): these emulators do not do here what AWS documents")
    config.addinivalue_line("markers", "alone: measures how long something takes, so no other test runs beside it")


def pytest_generate_tests(metafunc):
    chosen = metafunc.config.getoption("--emulator")
    kinds = [chosen] if chosen else _emulators_for(metafunc.definition)
    if "emulator" in metafunc.fixturenames and kinds:
        metafunc.parametrize("emulator", [_emulator_param(kind) for kind in kinds], indirect=True, scope="session")


def _emulators_for(test):
    path = test.path.relative_to(Path(__file__).parent).as_posix()
    # A defect of plain Celery is the same on all of them; once is enough.
    if test.get_closest_marker("plain") is not None:
        return ()
    return next((kinds for start, kinds in EMULATORS_OF.items() if path.startswith(start)), ())


def _emulator_param(kind):
    missing = pytest.mark.skipif(not EMULATORS[kind].installed(), reason=f"{kind} is not installed: make test-{kind}")
    return pytest.param(kind, marks=missing)


@pytest.fixture(scope="session")
def emulator(request, tmp_path_factory):
    kind = getattr(request, "param", "ministack")
    server = EMULATORS[kind](tmp_path_factory.mktemp(kind))
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
        pytest.fail("mariadbd is not installed: run tests/install-packages.sh")
    # The tests kill its process, but never the machine: what the kernel has is safe enough, and takes no waiting.
    server = MariaDB(tmp_path_factory.mktemp("mariadb"), "--innodb-flush-method=nosync")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """The bytes of a migrated SQLite file. Migrating once and copying saves seconds."""
    path = tmp_path_factory.mktemp("database") / "orders.db"
    mariadb.migrate(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture(params=["mariadb", "sqlite"])
def database_url(request, tmp_path):
    """A fresh database of each kind; in MariaDB it is the services' user that logs in."""
    if request.param == "mariadb":
        server = request.getfixturevalue("mariadb_server")
        return server.application(server.fresh())
    (tmp_path / "orders.db").write_bytes(request.getfixturevalue("empty_database"))
    return f"sqlite:///{tmp_path}/orders.db"


@pytest.fixture
def administrator_url(database_url):
    """The same database, for who may change its tables."""
    return mariadb.administered(database_url)


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
        "sqs_envelope": None,
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
        "web_connections": 500,
        "worker_health_port": 0,
        "preflight": "refuse",
        "operators": {"ada": "a-password-of-the-tests"},
        "dlq_rescue_minutes": 1,
        "task_events": False,
        "task_retention_days": 7,
        "attempt_retention_days": 90,
        "repair_retention_days": 730,
        "metrics_port": 0,
        "flower_port": 5555,
        "otel_exporter_otlp_endpoint": None,
        "log_level": "INFO",
        "log_format": "json",
    }
    return Settings(**values | changes)
