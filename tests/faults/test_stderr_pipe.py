"""A process whose stderr is a pipe runs as long as somebody reads that, and stands still when nobody does."""

import sys

import pytest

from tests.faults.stderr_pipe import PipedProcess
from tests.polling import poll

#: Writes lines to stderr, and says on stdout how many it has written.
WRITER = """
import sys, time
for number in range(10**6):
    print("x" * 99, file=sys.stderr)
    sys.stderr.flush()
    print(number, flush=True)
    time.sleep(0.001)
"""


@pytest.fixture
def process(tmp_path):
    running = PipedProcess([sys.executable, "-c", WRITER], tmp_path / "process.log", {})
    yield running
    running.kill()


def test_what_it_writes_is_in_its_log(process):
    poll(lambda: process.says("x" * 99), 10, "a line is there")


def test_it_stands_still_while_its_stderr_is_stuck_and_goes_on_afterwards(process):
    poll(lambda: len(process.output) > 4096, 10, "it runs")
    with process.stuck():
        assert process.is_stuck
        poll(lambda: stands_still(process), 10, "it stands still")
        before = process.output
    poll(lambda: len(process.output) > len(before) + 4096, 10, "it runs again")


def test_a_stuck_process_can_be_killed(process):
    with process.stuck():
        poll(lambda: stands_still(process), 10, "it stands still")
        process.kill()
    assert process.returncode == -9


def stands_still(process):
    """Whether it sleeps in a write to a pipe; read from what the kernel says of it."""
    with open(f"/proc/{process.pid}/wchan") as where:  # noqa: PTH123
        return "pipe" in where.read()
