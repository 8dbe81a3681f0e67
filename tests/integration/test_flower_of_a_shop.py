"""`celery -A shop flower` of a project with a task of its own: from its folder, with no file for Flower in it."""

import textwrap

import pytest

from tests.e2e.flower_site import OPERATOR, FlowerSite
from tests.polling import poll
from tests.processes import BIN, Process, free_port

SHOP = """
    from celery import Celery
    from sqlalchemy import create_engine

    import celery_sqs
    from celery_sqs.monitor import metadata

    MONITOR = "sqlite:///{folder}/monitor.db"
    metadata.create_all(create_engine(MONITOR))

    app = celery_sqs.setup(
        Celery("shop"),
        queues={{"mail": "{queue_url}"}},
        region="us-east-1",
        endpoint_url="{endpoint}",
        access_key=("test", "test"),
        monitor_database=MONITOR,
    )
    app.conf.update(task_time_limit=1.5, task_soft_time_limit=1)


    @app.task
    def send(address):
        return address
"""


@pytest.fixture
def start(tmp_path, emulator, queues):
    """A function that starts a program in the shop's folder."""
    started = []
    source = SHOP.format(folder=tmp_path, queue_url=queues.url, endpoint=emulator.url)
    (tmp_path / "shop.py").write_text(textwrap.dedent(source))

    def start(*command):
        started.append(Process([BIN / command[0], *command[1:]], tmp_path / f"{len(started)}.log", {}, folder=tmp_path))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def test_a_call_is_shown_until_it_has_succeeded_and_the_queue_with_it(start, queues):
    sender = start("python", "-c", "import shop; print(shop.send.delay('ada@example.org').id)")
    assert sender.wait(20) == 0, sender.output
    task_id = sender.output.split()[-1]
    port = free_port()
    flower = start("celery", "-A", "shop", "flower", f"--port={port}", f"--basic-auth={':'.join(OPERATOR)}")
    site = FlowerSite(f"http://127.0.0.1:{port}", flower)
    poll(site.answers, 30, "Flower answers")
    poll(lambda: site.tasks().get(task_id, {}).get("state") == "PENDING", 10, "the call is listed")
    worker = start("celery", "-A", "shop", "worker", "-c", "1")
    poll(lambda: site.tasks()[task_id]["state"] == "SUCCESS" or worker.returncode is not None, 30, "it has succeeded")
    assert worker.returncode is None, worker.output
    assert queues.url.rsplit("/", 1)[-1] in {
        queue["name"] for queue in site.json("/api/queues/length")["active_queues"]
    }
    assert "Failed to" not in flower.output
    assert "Visit me at http://127.0.0.1" in flower.output
