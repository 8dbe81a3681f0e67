"""The README's first example is all that a worker on SQS takes."""

import re
from pathlib import Path

import pytest

from config.queues import ORDER_QUEUE
from tests.emulator import Queues
from tests.package.conftest import run
from tests.polling import poll
from tests.processes import BIN, ROOT, Process

pytestmark = [pytest.mark.package, pytest.mark.timeout(300)]

README = ROOT / "celery_sqs" / "README.md"
HEADING = "Quick start"

#: What an adopter would write beside the example.
JOBS = """
from pathlib import Path

from shop import app


@app.task
def fail(runs):
    with Path(runs).open("a") as file:
        print("run", file=file)
    raise ValueError("no mail can be sent")
"""

VISIBILITY_TIMEOUT = 30  # seconds, SQS's own default
IN_DLQ = 30  # seconds; pauses between the tries are a few


@pytest.fixture(scope="module", params=["highest", "lowest-direct"])
def programs(request, install):
    """The programs of an environment with the newest, or with the oldest versions that are allowed."""
    return install(resolution=request.param)


@pytest.fixture
def mail(emulator):
    """The example's queue."""
    both = Queues.fresh(emulator, VISIBILITY_TIMEOUT)
    yield both
    both.delete()


@pytest.fixture
def shop(programs, mail, emulator, tmp_path):
    """The example as a file, in a folder of its own."""
    code, found = re.subn(r"https://sqs\.[\w-]+\.amazonaws\.com/\d{12}/mail", mail.url, example())
    assert found == 1, "the example has one queue"
    (tmp_path / "shop.py").write_text(code)
    (tmp_path / "jobs.py").write_text(JOBS)
    environment = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "AWS_ENDPOINT_URL_SQS": emulator.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    return Shop(programs, tmp_path, environment)


class Shop:
    """The example's project.

    Args:
        programs: the folder of the environment's programs.
        folder: where the project is.
        environment: of all its processes.
    """

    def __init__(self, programs: Path, folder: Path, environment: dict[str, str]) -> None:
        self._programs, self._folder, self._environment = programs, folder, environment

    def worker(self) -> Process:
        """Start a worker that knows the jobs, too."""
        command = [self._programs / "celery", "-A", "shop", "worker", "--include", "jobs", "--loglevel", "INFO"]
        return Process([*command, "--concurrency", "1"], self._folder / "worker.log", self._environment, self._folder)

    def python(self, program: str) -> str:
        """Run a program of its own."""
        return run([self._programs / "python", "-c", program], self._folder, self._environment)

    def celery(self, *arguments: str) -> str:
        """Run a command of celery's."""
        return run([self._programs / "celery", "-A", "shop", *arguments], self._folder, self._environment)

    def runs(self, file: str) -> int:
        """How often a job has noted in a file that it runs."""
        path = self._folder / file
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def worker(shop):
    process = shop.worker()
    poll(lambda: process.says("ready."), 60, "the worker is ready")
    yield process
    process.kill()


def test_a_task_runs(shop, worker, mail):
    shop.python("import shop; shop.send_mail.delay('Dear Ada')")
    poll(lambda: re.search(r"send_mail\S* succeeded", worker.output), 30, "the task has succeeded")
    poll(lambda: mail.waiting() == 0, 30, "its message is deleted")
    assert mail.dead() == []


@pytest.mark.usefixtures("worker")
def test_a_task_that_fails_is_in_the_dlq_after_as_many_tries_as_the_queue_allows(shop, mail):
    shop.python("import jobs; jobs.fail.delay('runs')")
    poll(lambda: len(mail.peek(mail.dlq_url)) == 1, IN_DLQ, "its message is in the DLQ")
    assert shop.runs("runs") == ORDER_QUEUE.max_receive_count
    assert mail.waiting() == 0


@pytest.mark.parametrize("command", ["preflight", "queues"])
def test_a_command_of_the_frameworks_answers(shop, mail, command):
    assert mail.url.rpartition("/")[2] in shop.celery("sqs", command)


def test_the_environment_of_this_repository_has_the_frameworks_commands(tmp_path):
    process = Process([BIN / "celery", "-A", "tasks", "sqs", "--help"], tmp_path / "log", {"APP_ENV": "development"})
    assert process.wait(60) == 0, process.output
    assert "preflight" in process.output


def example() -> str:
    """The first Python block below the heading."""
    _, heading, below = README.read_text().partition(f"# {HEADING}\n")
    assert heading, f"there is no heading {HEADING} in {README}"
    block = re.search(r"^```python\n(.*?)^```$", below, re.MULTILINE | re.DOTALL)
    assert block, f"there is no Python below {HEADING} in {README}"
    return block[1]
