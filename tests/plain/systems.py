"""The two systems that the scenarios compare, behind one interface."""

import json
import time

from celery_sqs.tasks.task import SQSTask
from tasks.application import create_celery
from tests.conftest import JWT_SECRET, make_settings
from tests.plain import jobs, recipe
from tests.polling import poll
from tests.processes import BIN, Process


class System:
    """A worker on one queue, what it is sent, and what is seen of it from outside."""

    def __init__(self, queues, proxy, folder):
        self.queues = queues
        self.proxy = proxy
        self._folder = folder
        self._runs = folder / "runs"
        self._worker = None

    @property
    def queue(self):
        return self.queues.url.rsplit("/", 1)[-1]

    @property
    def queue_url(self):
        return self.proxy.through(self.queues.url)

    def start_worker(self, *arguments, **settings):
        """Start the worker; returns its process once it is ready.

        Args:
            arguments: what to add to the command.
            settings: of plain Celery's app, if this is that.
        """
        command, environment = self._command(settings)
        self._worker = Process(
            [BIN / "celery", *command, *arguments],
            self._folder / "worker.log",
            {
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                jobs.RUNS: str(self._runs),
                **environment,
            },
        )
        poll(lambda: self._worker.says("ready."), 30, "the worker is ready")
        return self._worker

    def send(self, job, **options):
        """Call a job with one order, as a user of Celery does."""
        seconds = options.pop("seconds", 0)
        return self.app.tasks[f"jobs.{job}"].apply_async(({"seconds": seconds},), **options)

    def runs(self, event):
        """When this has happened in any process of the worker."""
        lines = self._runs.read_text().splitlines() if self._runs.exists() else []
        return [run["at"] for run in map(json.loads, lines) if run["event"] == event]

    def fate(self, timeout=15):
        """What has become of the one message: `dead`, `deleted`, or `kept` when time is up."""
        deadline = time.monotonic() + timeout
        while self.queues.waiting():
            if time.monotonic() > deadline:
                return "kept"
            time.sleep(0.05)
        return "dead" if self.queues.peek(self.queues.dlq_url) else "deleted"

    def close(self):
        if self._worker is not None:
            self._worker.kill()
        self.app.close()


class Here(System):
    """This repository's worker, configured by its environment."""

    def __init__(self, queues, proxy, folder, database_url):
        super().__init__(queues, proxy, folder)
        self.database_url = database_url
        self.app = create_celery(make_settings(sqs_endpoint=proxy.url, sqs_queue_url=self.queue_url))
        jobs.define(self.app, base=SQSTask)

    def _command(self, settings):
        return ["-A", "tasks", "worker", "--include", "tests.plain.here"], {
            "APP_ENV": "production",
            "PREFLIGHT": "warn",  # the queue hides a message for less time than a task may take
            "SQS_ENDPOINT": self.proxy.url,
            "SQS_QUEUE_URL": self.queue_url,
            "SQS_DLQ_URL": self.proxy.through(self.queues.dlq_url),
            "DATABASE_URL": self.database_url,
            "JWT_SECRET": JWT_SECRET,
            "ORDER_ID_SECRET": "the-order-id-secret-of-the-tests-alone",
        }


class PlainCelery(System):
    """The same Celery on kombu's own transport."""

    def __init__(self, queues, proxy, folder):
        super().__init__(queues, proxy, folder)
        self.app = recipe.create(self.queue_url, {})

    def _command(self, settings):
        return ["-A", "tests.plain.recipe", "worker", "--loglevel", "INFO"], {
            recipe.QUEUE_URL: self.queue_url,
            recipe.SETTINGS: json.dumps(settings),
        }
