"""Sentry's and OpenTelemetry's Celery integrations, installed as they say: linked traces, one error per failure."""

import collections
import json
import re
import sys

import pytest

from config.queues import ORDER_QUEUE
from tests.emulator import Queues
from tests.outcomes import traced_app
from tests.outcomes.traced_app import ASKED, CALLS, FINE, HOWS, MENDED, NEVER, OTEL, SENTRY
from tests.polling import poll
from tests.processes import BIN, Process

ATTEMPTS = ORDER_QUEUE.max_receive_count
VISIBILITY_TIMEOUT = 30  # seconds
WAIT = 40  # seconds for all calls to end

#: How often each of these runs.
RUNS = {FINE: 1, MENDED: 2, ASKED: 2, NEVER: ATTEMPTS}

#: Of the log lines of failed attempts.
LEVELS = {FINE: [], MENDED: ["WARNING"], ASKED: ["INFO"], NEVER: ["WARNING"] * (ATTEMPTS - 1) + ["ERROR"]}

TASKS = ("single", "batch")


class Reported:
    """What a publisher and a worker have reported of the calls of a publisher."""

    def __init__(self, tracer, emulator, folder):
        queues = Queues.fresh(emulator, VISIBILITY_TIMEOUT)
        reported = {name: folder / name for name in ("publisher", "worker")}
        where = {traced_app.TRACER: tracer, traced_app.ENDPOINT: emulator.url, traced_app.QUEUE_URL: queues.url}
        commands = {
            "publisher": [sys.executable, "-m", "tests.outcomes.traced_app"],
            "worker": [BIN / "celery", "-A", "tests.outcomes.traced_app", "worker", "-c", "1", "-l", "INFO"],
        }
        processes = {}
        try:
            for name, command in commands.items():
                log, environment = folder / f"{name}.log", {**where, traced_app.REPORTED: str(reported[name])}
                processes[name] = process = Process(command, log, environment)
                if name == "publisher":  # all calls wait when the worker starts, so its batches are large
                    assert process.wait(WAIT) == 0, process.output
            dead = CALLS.count(NEVER) * len(TASKS)
            poll(lambda: not queues.waiting() and len(queues.peek(queues.dlq_url)) == dead, WAIT, "all have ended")
        finally:
            for process in processes.values():
                process.stop()
            queues.delete()
        self.log = processes["worker"].output
        self.calls = [json.loads(line) for line in processes["publisher"].output.splitlines()]
        self.published, self.ran = (
            [json.loads(line) for line in path.read_text().splitlines()] for path in reported.values()
        )

    def of(self, task, how):
        return [call for call in self.calls if (call["task"], call["how"]) == (task, how)]


@pytest.fixture(scope="module")
def sentry(emulator, tmp_path_factory):
    return Reported(SENTRY, emulator, tmp_path_factory.mktemp(SENTRY))


@pytest.fixture(scope="module")
def otel(emulator, tmp_path_factory):
    return Reported(OTEL, emulator, tmp_path_factory.mktemp(OTEL))


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.long
def test_sentry_continues_the_trace_of_a_call_in_each_run(sentry, task, how):
    for call in sentry.of(task, how):
        runs = [each for each in sentry.ran if each["type"] == "transaction" and _sentrys_id(each) == call["id"]]
        assert [run["contexts"]["trace"]["trace_id"] for run in runs] == [call["trace"]] * RUNS[how]
        assert {run["transaction"] for run in runs} == {task}
        parents = {run["contexts"]["trace"]["parent_span_id"] for run in runs}
        assert parents <= {span["span_id"] for each in sentry.published for span in each.get("spans", ())}


@pytest.mark.long
def test_sentry_has_one_error_of_each_final_failure_and_no_other(sentry):
    errors = collections.Counter(_sentrys_id(each) for each in sentry.ran if each["type"] == "event")
    assert errors == {call["id"]: 1 for task in TASKS for call in sentry.of(task, NEVER)}
    for error in sentry.ran:
        if error["type"] == "event":
            assert [each["value"] for each in error["exception"]["values"]][-1] == NEVER


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.long
def test_a_run_is_a_span_in_the_trace_of_its_call(otel, task, how):
    sent = {span["context"]["span_id"] for span in otel.published if span["name"] == f"apply_async/{task}"}
    for call in otel.of(task, how):
        runs = [span for span in otel.ran if span["attributes"].get("messaging.message.id") == call["id"]]
        assert [run["context"]["trace_id"] for run in runs] == [f"0x{call['trace']}"] * RUNS[how]
        assert {run["name"] for run in runs} == {f"run/{task}"}
        assert {run["parent_id"] for run in runs} <= sent
        failed = [run["status"]["status_code"] for run in runs]
        assert failed == ["UNSET"] * (RUNS[how] - 1) + ["ERROR" if how == NEVER else "UNSET"]
        recorded = [event["name"] for run in runs for event in run["events"]]
        assert recorded == ["exception"] * (how == NEVER)


@pytest.mark.parametrize("tracer", [SENTRY, OTEL])
def test_only_the_last_attempt_is_an_error_in_the_log(tracer, request):
    reported = request.getfixturevalue(tracer)
    for task in TASKS:
        for how, levels in LEVELS.items():
            for call in reported.of(task, how):
                lines = re.findall(rf": (\w+)/.*: receive \d of {task}\[{call['id']}\]: ", reported.log)
                assert lines == levels


@pytest.mark.parametrize("tracer", [SENTRY, OTEL])
def test_a_tracer_that_listens_has_nothing_to_complain_of(tracer, request):
    log = request.getfixturevalue(tracer).log
    assert "Signal handler" not in log
    assert "no existing span" not in log
    assert max(int(size) for size in re.findall(r"a batch of (\d+)", log)) > 1
    assert not re.search(r"Task batch.* succeeded", log)


def _sentrys_id(event):
    return event["tags"]["celery_task_id"]
