"""Every way to start a process ends with one line when a setting is bad."""

import os
import subprocess

import pytest

from tests.processes import BIN, ROOT

COMMANDS = {
    "worker": [BIN / "celery", "-A", "tasks", "worker"],
    "flask": [BIN / "flask", "--app", "app", "routes"],
    "gunicorn": [BIN / "gunicorn", "-c", ROOT / "config" / "gunicorn.py", "app:create_app()"],
}


def run(command, folder, **variables):
    """Start a process far from any .env file, with nothing but these variables."""
    inherited = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    environment = {"PYTHONPATH": str(ROOT), **inherited, **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_missing_setting_ends_the_process_with_one_line_that_names_it(command, tmp_path):
    ended = run(command, tmp_path, SQS_QUEUE_URL="https://sqs.eu-central-1.amazonaws.com/123456789012/orders")
    assert ended.returncode == 1
    assert ended.stderr == 'settings: Environment variable "DATABASE_URL" not set\n'
    assert ended.stdout == ""


def test_a_malformed_setting_ends_the_process_with_one_line_that_names_it(tmp_path):
    ended = run(COMMANDS["flask"], tmp_path, APP_ENV="development", DATABASE_URL="mysql://orders@db/orders")
    assert ended.returncode == 1
    assert ended.stderr.startswith('settings: Environment variable "DATABASE_URL" invalid')
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("given", [{}, {"METRICS_PORT": "9100"}], ids=["without-metrics", "with-metrics"])
def test_gunicorn_with_preload_ends_with_one_line_that_names_the_option(given, tmp_path):
    ended = run([*COMMANDS["gunicorn"], "--preload"], tmp_path, APP_ENV="development", **given)
    assert ended.returncode == os.EX_CONFIG
    assert ended.stderr.startswith("gunicorn: --preload is not supported")
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


def test_preload_in_the_variable_of_gunicorn_is_refused_as_well(tmp_path):
    ended = run(COMMANDS["gunicorn"], tmp_path, APP_ENV="development", GUNICORN_CMD_ARGS="--preload")
    assert (ended.returncode, ended.stderr.count("\n")) == (os.EX_CONFIG, 1)
