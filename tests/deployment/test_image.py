"""What the Dockerfile copies and installs is enough for every process, as a user who may write in /tmp alone."""

import signal
import tempfile
from pathlib import Path

import pytest
import requests

from tests.conftest import JWT_SECRET
from tests.deployment.by_hand import Image, interpreter
from tests.mariadb import administered, rows
from tests.polling import poll
from tests.processes import free_port

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]  # it downloads what it installs

ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.90}
STOPPED = 45  # seconds: a worker waits for its long polls


@pytest.fixture(scope="module")
def image():
    python, as_its_user = interpreter()
    # Not below pytest's own folder: that is closed to all users but the one who runs the tests.
    folder = Path(tempfile.mkdtemp(prefix="order-intake-image-"))
    folder.chmod(0o755)
    made = Image(folder, python, as_its_user=as_its_user)
    yield made
    made.remove()


@pytest.fixture
def environment(emulator, queues, mariadb_server):
    """The environment that the orchestrator gives all processes; the secrets are separate, as Terraform has them."""
    return {
        "PREFLIGHT": "warn",  # the queues of tests hide a message for less time than a task may take
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "SQS_ENDPOINT": emulator.url,
        "SQS_QUEUE_URL": queues.url,
        "SQS_DLQ_URL": queues.dlq_url,
        "DATABASE_URL": f"mysql+pymysql://127.0.0.1:{mariadb_server.port}/{mariadb_server.empty()}",
        "DATABASE_USER": "service",
        "DATABASE_PASSWORD": "p@ss/w:rd%",
        "JWT_SECRET": JWT_SECRET,
        "ORDER_ID_SECRET": "the-order-id-secret-of-the-tests-alone",
    }


@pytest.fixture
def start(image, environment, tmp_path):
    """A function that starts a command in the image."""
    started = []

    def run(*command, **changes):
        process = image.run(command, tmp_path / f"{len(started)}.log", environment | changes)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()


@pytest.fixture
def released(start, mariadb_server):
    """A database as the release task leaves it: the services' user is there, and so are the tables."""
    mariadb_server.execute("CREATE OR REPLACE USER chief IDENTIFIED BY 'of-all'")
    mariadb_server.execute("GRANT ALL ON *.* TO chief WITH GRANT OPTION")
    chief = {"DATABASE_USER": "chief", "DATABASE_PASSWORD": "of-all"}
    login = {"SERVICE_DATABASE_USER": "service", "SERVICE_DATABASE_PASSWORD": "p@ss/w:rd%"}
    for command in (["flask", "--app", "app", "database", "grant"], ["alembic", "upgrade", "head"]):
        process = start(*command, **chief, **login)
        assert process.wait(60) == 0, process.output


@pytest.mark.usefixtures("released")
def test_an_order_that_web_accepts_is_a_row_once_the_worker_has_it(image, start, environment, token):
    ports = {name: str(free_port()) for name in ("PORT", "METRICS_PORT", "WORKER_HEALTH_PORT")}
    web, worker = start(*image.command, **ports), start("celery", "-A", "tasks", "worker", **ports)
    poll(lambda: web.says("Listening at") and answers(ports["PORT"], "readyz"), 60, "web is ready")
    poll(lambda: worker.says("ready.") and answers(ports["WORKER_HEALTH_PORT"], "healthz"), 60, "the worker is ready")

    url = f"http://127.0.0.1:{ports['PORT']}/api/v1/orders"
    accepted = requests.post(url, json=ORDER, headers=token(), timeout=10)
    assert accepted.status_code == 202, accepted.text
    database = administered(environment["DATABASE_URL"])
    stored = poll(lambda: rows(database, "SELECT order_id FROM orders"), 20, "the order is stored")

    assert stored == ((accepted.json()["orderId"],),)
    assert "orders_accepted_total 1.0" in answers(ports["METRICS_PORT"], "metrics")
    for process in (web, worker):
        process.send(signal.SIGTERM)
    assert [process.wait(STOPPED) for process in (web, worker)] == [0, 0]
    assert image.written() == [], "it writes elsewhere than in the folder for temporary files"
    assert list(image.temporary.iterdir()) == [], "it leaves something behind"


@pytest.mark.usefixtures("released")
def test_flower_finds_its_settings(start):
    port = str(free_port())
    flower = start("celery", "-A", "tasks", "flower", OPERATORS="ada:a-password-of-the-tests", FLOWER_PORT=port)
    poll(lambda: flower.says("Visit me at") and answers(port, "healthcheck"), 60, "Flower answers")


def test_the_frameworks_commands_are_celerys(start):
    process = start("celery", "-A", "tasks", "sqs", "--help")
    assert process.wait(60) == 0, process.output
    assert "preflight" in process.output


@pytest.mark.usefixtures("released")
def test_preflight_has_all_it_needs(start):
    process = start("celery", "-A", "tasks", "sqs", "preflight")
    assert process.wait(60) in {0, 1}, process.output  # 1: the queues of tests contradict the worker
    assert "Traceback" not in process.output


def test_nothing_of_it_can_be_written(image, start, tmp_path):
    attempt = "import pathlib; pathlib.Path('app/written').write_text('')"
    process = start("python", "-c", attempt)
    assert process.wait(60) == 1
    assert "Permission denied" in process.output
    assert not (image.root / "app" / "written").exists()


def answers(port, path):
    """The response at a path; nothing while there is none, or only an error."""
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/{path}", timeout=10)
    except requests.ConnectionError:
        return ""
    return answer.text if answer.ok else ""
