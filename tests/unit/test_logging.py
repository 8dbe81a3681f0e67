"""Log lines have one form and stay whole, show where something went wrong, and nothing that is secret."""

import json
import os
import subprocess
import sys

import pytest

from tests.processes import ROOT

PROGRAM = """
import logging, sys
from config.logging import configure
configure("INFO", sys.argv[1])

def connect(password):
    raise ConnectionError("no database")

try:
    connect("swordfish")
except ConnectionError:
    logging.getLogger("somebody").exception("it failed")
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_the_way_and_no_local_variables(log_format):
    command = [sys.executable, "-c", PROGRAM, log_format]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stderr
    assert "ConnectionError" in said
    assert "no database" in said
    assert "connect" in said
    # The source line that calls with it is in the program itself, which has no file to quote from.
    assert "swordfish" not in said


def test_a_line_is_one_json_object_whatever_is_in_it():
    command = [sys.executable, "-c", PROGRAM, "json"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stderr
    [line] = said.splitlines()
    assert json.loads(line)["event"] == "it failed"


OURS = """
import logging, os, sys
import structlog
from config.logging import configure
logger = structlog.stdlib.get_logger("some.module")  # before it is configured, as in every module
configure("INFO", sys.argv[1])
"""


def run(program, *shell, log_format="json"):
    command = [*shell, sys.executable, "-c", OURS + program, log_format]
    # As a service is run. Where Python does not buffer, no line is left over that cannot be written.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=True)


def test_our_lines_and_a_librarys_have_the_same_form():
    lines = run("logger.info('said', order_id=7); logging.getLogger('some.module').info('said')").stderr.splitlines()
    ours, others = (json.loads(line) for line in lines)
    assert ours.pop("order_id") == 7
    assert ours.pop("timestamp") <= others.pop("timestamp")
    assert ours == others == {"event": "said", "level": "info", "logger": "some.module"}


def test_what_is_below_the_level_is_not_written():
    assert run("logger.debug('said'); logging.getLogger('x').debug('said')").stderr == ""


@pytest.mark.parametrize(
    "broken",
    [
        "sys.stderr.close()",
        "ends = os.pipe(); os.close(ends[0]); os.dup2(ends[1], 2)",
        "os.close(2)",
    ],
)
def test_a_line_that_cannot_be_written_is_lost_and_nothing_else(broken):
    ended = run(f"{broken}; logger.info('said'); logger.error('said', exc_info=ValueError()); print('went on')")
    assert ended.stdout == "went on\n"
    ended = run(f"{broken}; logging.getLogger('some.library').error('said'); print('went on')")
    assert ended.stdout == "went on\n"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_process_that_is_started_without_stderr_loses_its_lines_and_goes_on(log_format):
    without_stderr = ["sh", "-c", 'exec "$@" 2>&-', "sh"]
    program = "logger.info('said'); logging.getLogger('some.library').error('said'); print('went on')"
    assert run(program, *without_stderr, log_format=log_format).stdout == "went on\n"


def test_lines_of_many_threads_stay_whole():
    said = run("""
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as threads:
    for number in range(2000):
        threads.submit(logger.info, "said", number=number, text="x" * 300)
        threads.submit(logging.getLogger("other").info, "said")
""")
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    assert sorted(line["number"] for line in lines if "number" in line) == list(range(2000))
    assert len(lines) == 4000


def test_a_logger_may_have_no_name():
    assert json.loads(run("structlog.get_logger().info('said')").stderr)["event"] == "said"


def test_a_child_that_is_forked_while_another_thread_writes_can_write_too():
    """Billiard's pool forks while other threads of the worker log."""
    said = run("""
import signal, threading

done = threading.Event()

def write():
    while not done.is_set():
        logger.info("said by a thread", text="x" * 2000)

for _ in range(4):
    threading.Thread(target=write).start()
for number in range(100):
    if not (child := os.fork()):
        signal.alarm(5)  # ends a child that waits for a lock
        logger.info("said by a child", number=number)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        break
done.set()
""")
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    assert [line["number"] for line in lines if line["event"] == "said by a child"] == list(range(100))
