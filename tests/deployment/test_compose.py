"""compose.yaml goes with the code: commands, settings, ports, and what waits for what."""

import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml

from config.settings import DEFAULT_SEND_TIMEOUT, Settings, load
from tests.processes import ROOT

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
ONCE = {"queues", "release"}
VARIABLES = {name.upper() for name in Settings.__dataclass_fields__}

# What the images of others read, as far as we use it.
THEIRS = {
    "mariadb": {"MARIADB_RANDOM_ROOT_PASSWORD", "MARIADB_DATABASE", "MARIADB_USER", "MARIADB_PASSWORD"},
    "localstack": {"SERVICES", "EAGER_SERVICE_LOADING", "DISABLE_EVENTS", "SKIP_SSL_CERT_DOWNLOAD"},
}


@pytest.fixture
def settings_of(monkeypatch):
    """A function that reads the settings that a service is given."""

    def read(name):
        for variable in VARIABLES:
            monkeypatch.delenv(variable, raising=False)
        for variable, value in SERVICES[name]["environment"].items():
            monkeypatch.setenv(variable, value)
        return load(env_file=None)

    return read


@pytest.fixture
def probed():
    """A function that says how a Python program ends that asks a server which answers with a status."""

    def ends_with(program, status):
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                """Not in the tests' output."""

        with HTTPServer(("127.0.0.1", 0), Answer) as server:
            threading.Thread(target=server.handle_request, daemon=True).start()
            here = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{server.server_port}", program)
            assert here != program
            ended = subprocess.run([sys.executable, "-c", here], capture_output=True, timeout=20, check=False)
        return ended.returncode

    return ends_with


def test_these_are_the_services():
    assert set(SERVICES) == {"localstack", "mariadb", "queues", "release", "web", "worker"}
    assert set(OURS) == set(SERVICES) - set(THEIRS)


@pytest.mark.parametrize("name", THEIRS)
def test_an_image_of_others_is_pinned_to_a_patch(name):
    assert re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+", SERVICES[name]["image"])


def test_localstack_is_the_one_that_the_tests_know():
    [pinned] = re.findall(
        r"^localstack-core\S*==(\S+)", (ROOT / "requirements-localstack.txt").read_text(), re.MULTILINE
    )
    assert SERVICES["localstack"]["image"].endswith(f":{pinned}")


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_one_that_is_read(name):
    assert set(SERVICES[name]["environment"]) <= THEIRS.get(name, VARIABLES)


@pytest.mark.parametrize("name", OURS)
def test_its_settings_lead_to_the_other_containers(settings_of, name):
    settings = settings_of(name)
    database = SERVICES["mariadb"]["environment"]
    login = f"{database['MARIADB_USER']}:{database['MARIADB_PASSWORD']}"
    assert settings.database_url == f"mysql+pymysql://{login}@mariadb/{database['MARIADB_DATABASE']}"
    assert settings.sqs_queue_url == "http://localstack:4566/000000000000/order-processing-queue"
    assert settings.emulator_credentials is not None


@pytest.mark.parametrize("name", ["release", "web", "worker"])
def test_its_command_is_the_procfiles(name):
    [command] = re.findall(rf"^{name}: (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert SERVICES[name]["command"] == shlex.split(command)


def test_the_queues_are_made_as_on_a_developers_machine():
    assert shlex.join(SERVICES["queues"]["command"]) in (ROOT / "Procfile.dev").read_text()


def test_nothing_is_published_but_on_loopback():
    ports = [str(port) for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports, "the API is published"
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert not [name for name, service in SERVICES.items() if "network_mode" in service]


@pytest.mark.parametrize("name", OURS)
def test_it_may_write_in_tmp_alone_and_gains_no_right(name):
    service = SERVICES[name]
    assert (service["read_only"], service["tmpfs"], service["cap_drop"]) == (True, "/tmp", ["ALL"])  # noqa: S108
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service, "the image says who runs it"


@pytest.mark.parametrize("name", SERVICES)
def test_it_starts_again_unless_it_is_done_after_one_time(name):
    assert SERVICES[name]["restart"] == ("no" if name in ONCE else "unless-stopped")
    assert ("healthcheck" in SERVICES[name]) == (name not in ONCE)


@pytest.mark.parametrize("name", OURS)
def test_what_it_needs_is_healthy_or_done_before(name):
    waits = {needed: condition["condition"] for needed, condition in SERVICES[name]["depends_on"].items()}
    assert waits == {
        needed: "service_completed_successfully" if needed in ONCE else "service_healthy" for needed in waits
    }
    assert set(waits) == {"queues": {"localstack"}, "release": {"mariadb"}}.get(name, ONCE)


@pytest.mark.parametrize(("name", "address"), [("web", "127.0.0.1:8000/readyz"), ("worker", "127.0.0.1:8081/healthz")])
def test_its_health_check_asks_it_and_takes_no_error_for_health(settings_of, probed, name, address):
    check, settings = SERVICES[name]["healthcheck"], settings_of(name)
    kind, python, option, program = check["test"]
    assert (kind, python, option) == ("CMD", "python", "-c"), "there is no curl in the image"
    assert address in program
    assert address.startswith(f"127.0.0.1:{settings.port if name == 'web' else settings.worker_health_port}/")
    assert (probed(program, 200), probed(program, 503)) == (0, 1)


def test_a_stop_waits_for_what_is_under_way():
    seconds = {name: int(SERVICES[name]["stop_grace_period"].removesuffix("s")) for name in ("web", "worker")}
    assert seconds["web"] > DEFAULT_SEND_TIMEOUT + 5  # graceful_timeout in config/gunicorn.py
    assert seconds["worker"] >= 60  # README, On AWS


def test_the_database_outlives_its_container():
    [mount] = SERVICES["mariadb"]["volumes"]
    volume, _, target = mount.partition(":")
    assert volume in COMPOSE["volumes"]
    assert target == "/var/lib/mysql"
