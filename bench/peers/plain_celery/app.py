"""Plain Celery on kombu's own SQS transport, as its documentation has it: the app and its task.

`python -m bench.peers.plain_celery.app` publishes one order, as a sample of its messages.
"""

import os
import sys
from typing import Any, Final
from urllib.parse import urlsplit

from celery import Celery
from celery.signals import worker_ready

from bench.peers.table import insert

#: What options alone can do for the throughput, with the losses of the defaults switched off. The pool,
#: its size and the prefetch multiplier are on the command line: `bench.contenders` tries some.
TUNED: Final[dict[str, Any]] = {
    "task_acks_late": True,
    "task_acks_on_failure": False,
    "task_acks_on_timeout": False,
    "task_ignore_result": True,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
}
TUNED_TRANSPORT: Final[dict[str, Any]] = {"polling_interval": 0, "wait_time_seconds": 20}

#: Not the project's own name for it: in one process with the project, Celery would run that one.
TASK: Final = "plain.persist_order"


def make_app(endpoint: str, queue_url: str, *, tuned: bool, pool_limit: int | None = None) -> Celery:
    """A Celery app that knows where its queue is, and nothing else unless it is tuned.

    Args:
        endpoint: URL of SQS.
        queue_url: URL of the queue.
        tuned: set `TUNED` and `TUNED_TRANSPORT`.
        pool_limit: connections that publishing threads may use at once; Celery's default is 10.
    """
    app = Celery("plain")
    queue = queue_url.rsplit("/", 1)[-1]
    app.conf.update(
        # The endpoint is only taken from here; from predefined_queues kombu takes the poll's alone.
        broker_url=f"sqs://test:test@{urlsplit(endpoint).netloc}//",
        broker_transport_options={
            "region": "us-east-1",
            "predefined_queues": {queue: {"url": queue_url}},
            **(TUNED_TRANSPORT if tuned else {}),
        },
        task_default_queue=queue,
        **(TUNED if tuned else {}),
        **({} if pool_limit is None else {"broker_pool_limit": pool_limit}),
    )
    app.task(bind=True, name=TASK)(persist_order)
    return app


def persist_order(self: Any, message: dict[str, Any]) -> None:
    """Write one order."""
    insert([(message, self.request.id, 1)], self.request.hostname)


@worker_ready.connect
def _print_ready(**_: Any) -> None:
    # Celery logs this line itself, but not at its default log level.
    sys.stdout.write("ready.\n")
    sys.stdout.flush()


def __getattr__(name: str) -> Any:
    """Make `app` for `celery -A bench.peers.plain_celery.app` only: the web peer makes its own."""
    if name != "app":
        raise AttributeError(name)
    made = make_app(os.environ["SQS_ENDPOINT"], os.environ["SQS_QUEUE_URL"], tuned=os.environ.get("BENCH_TUNED") == "1")
    globals()["app"] = made
    return made


if __name__ == "__main__":
    __getattr__("app").tasks[TASK].delay({"orderId": "template"})
