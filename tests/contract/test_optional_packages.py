"""Parts of the framework work where packages that they do not need are not installed."""

import json
import os
import subprocess
import sys

import pytest

from tests.processes import ROOT, free_port

#: Packages that an adopter may do without.
OPTIONAL = ("flask", "flower", "jinja2", "prometheus_client", "sqlalchemy", "werkzeug")

#: What an extra is for, and may need its packages.
EXTRAS = (
    "celery_sqs/database/",
    "celery_sqs/dlq/",
    "celery_sqs/monitor/",
    "celery_sqs/metrics/prometheus.py",
    "celery_sqs/workbench/",
)

PATHS = sorted(path.relative_to(ROOT) for path in (ROOT / "celery_sqs").rglob("*.py"))
CORE = [path for path in PATHS if not path.as_posix().startswith(EXTRAS)]

#: What nothing of the core loads by itself.
PARTS = ("celery_sqs.dlq", "celery_sqs.monitor", "celery_sqs.workbench")

SCRAPE = """
import json
import requests
from celery_sqs import metrics
from celery_sqs.consume.heartbeat import Heartbeat
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.worker.health import Health
metrics.count_call("ReceiveMessage", 200)
metrics.BATCH_SIZE.labels("a-task").observe(3)
health = Health(InFlight(), {}, Heartbeat(), int(sys.argv[1]))
health.start()
answers = [requests.get(f"http://127.0.0.1:{sys.argv[1]}/{path}", timeout=5) for path in ("healthz", "metrics")]
health.stop()
print(json.dumps([(answer.status_code, answer.text) for answer in answers]))
"""


@pytest.fixture
def run():
    """A function that runs a program without some packages and returns what it prints."""

    def run(program, *arguments, without=OPTIONAL):
        program = f"import sys\nsys.modules.update(dict.fromkeys({without!r}))\n{program}"
        command = [sys.executable, "-W", "error", "-c", program, *arguments]
        ended = subprocess.run(
            command, cwd=ROOT, env=os.environ, timeout=60, check=False, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


def test_every_module_of_the_core_can_be_imported(run):
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in CORE]
    assert len(names) > 30
    run("import importlib\n" + "".join(f"importlib.import_module({name!r})\n" for name in names))


def test_without_prometheus_nothing_is_counted_and_the_answer_to_metrics_says_which_extra_it_takes(run):
    health, metrics = json.loads(run(SCRAPE, str(free_port())))
    assert health[0] == 200
    assert metrics[0] == 404
    [line] = metrics[1].splitlines()
    assert "celery-sqs[metrics]" in line


def test_the_framework_itself_loads_no_part_of_an_extra(run):
    loaded = run("import celery_sqs\nprint(*sys.modules)").split()
    assert [name for name in loaded if name.startswith(PARTS)] == []


@pytest.mark.parametrize("module", ["dispatcher", "control", "steps"])
def test_what_celery_loads_of_the_monitor_by_name_can_be_loaded_first_and_without_flower(run, module):
    run(f"import celery_sqs.monitor.{module}", without=("flask", "flower"))


def test_what_flower_loads_of_the_monitor_can_be_loaded_first(run):
    run("import celery_sqs.monitor.flower", without=("flask",))
