"""What a worker refuses at its start: exit code 78, one line that names it, and nothing is received."""

import os
from importlib.util import find_spec

import pytest

from tests.emulator import Queues
from tests.polling import poll
from tests.processes import BIN, Process

APP = """
import celery
import celery_sqs

{app}


@app.task
def note(text):
    print(f"noted {{text}}")


{tasks}
"""

#: An app that is configured as one on kombu's SQS transport.
KOMBUS = """
app = celery.Celery("shop", broker="sqs://te%73t:te%73t@{address}")
app.conf.broker_transport_options = {{
    "region": "us-east-1",
    "is_secure": False,
    "predefined_queues": {{"mail": {{"url": {url!r}}}, "bulk": {{"url": {bulk!r}}}}},
    "visibility_timeout": 30,
    "wait_time_seconds": 1,
    {option}
}}
celery_sqs.setup(app)
"""

POOL = "worker_pool: gevent and eventlet run without the event loop that receives from SQS"


class Shop:
    """A project with an app on two queues, of which `bulk` has no DLQ.

    Args:
        emulator: has the queues.
        folder: where the project is.
    """

    def __init__(self, emulator, folder):
        self.queues, self._emulator, self._folder, self._started = Queues.fresh(emulator, 30), emulator, folder, []
        name = self.queues.url.rpartition("/")[2]
        attributes = {"ReceiveMessageWaitTimeSeconds": "1"}
        self._bulk = self.queues.sqs.create_queue(QueueName=f"{name}-bulk", Attributes=attributes)["QueueUrl"]

    def write(self, option="", tasks="", address=None):
        """Write the app."""
        address = self._emulator.url.partition("//")[2] if address is None else address
        app = KOMBUS.format(address=address, url=self.queues.url, bulk=self._bulk, option=option)
        (self._folder / "shop.py").write_text(APP.format(app=app, tasks=tasks))

    def worker(self, *arguments):
        """Start a worker."""
        return self.celery("worker", "-c", "1", "-l", "INFO", *arguments)

    def celery(self, command, *arguments):
        """Start a command of Celery's."""
        words = [BIN / "celery", "-A", "shop", command, *arguments]
        self._started.append(Process(words, self._folder / f"{command}.log", {}, self._folder))
        return self._started[-1]

    def caller(self, calls):
        """Start a program that makes calls."""
        command = [BIN / "python", "-c", f"from shop import note; {calls}"]
        self._started.append(Process(command, self._folder / "caller.log", {}, self._folder))
        return self._started[-1]

    def close(self):
        """End what was started."""
        for process in self._started:
            process.kill()
        self.queues.sqs.delete_queue(QueueUrl=self._bulk)
        self.queues.delete()


@pytest.fixture
def shop(emulator, tmp_path):
    one = Shop(emulator, tmp_path)
    yield one
    one.close()


@pytest.mark.parametrize(
    ("written", "arguments", "line"),
    [
        pytest.param(
            {"option": '"wait_time_second": 1,'},
            (),
            "broker_transport_options: there is no option 'wait_time_second'; there is wait_time_seconds",
            id="a misspelt option",
        ),
        pytest.param(
            {"option": '"queue_name_prefix": "shop-",'},
            (),
            "broker_transport_options: queue_name_prefix is not taken: sqs_queues has whole URLs",
            id="an option that is not taken",
        ),
        pytest.param(
            {"tasks": "@app.task(base=celery.Task, name='bare', autoretry_for=(Exception,))\ndef bare(): ..."},
            (),
            "The task 'bare' is a celery.app.task.Task, and no celery_sqs.SQSTask",
            id="a task of another class",
        ),
        pytest.param(
            {"tasks": "@app.task(name='own', Request='celery.worker.request:Request')\ndef own(): ..."},
            (),
            "The task 'own' has the Request celery.worker.request.Request, which would settle its message",
            id="a task with another request",
        ),
        pytest.param(
            {"tasks": "@app.task(name='early', acks_late=False)\ndef early(): ..."},
            (),
            "The task 'early' has acks_late=False, which would delete its message before it runs",
            id="a task whose message is deleted before it runs",
        ),
        pytest.param(
            {"tasks": "@app.task(name='sums', permanent=('ValueError',), blocked=[KeyError])\ndef sums(): ..."},
            ("-Q", "mail"),
            "The task 'sums' has permanent=('ValueError',): it has to be an exception class, or a list,",
            id="a task whose permanent errors are no classes",
        ),
        pytest.param(
            {"tasks": "app.conf.sqs_default_task = 'nope'"},
            ("-Q", "mail"),
            "sqs_default_task is 'nope', which this app does not have",
            id="an unknown task of messages that name none",
        ),
        pytest.param({}, ("-Q", "mail,bulk"), "-bulk has no RedrivePolicy", id="a queue without a DLQ"),
        pytest.param(
            {},
            ("-Q", "nowhere"),
            "sqs_queues: there is no queue 'nowhere'; there are mail, bulk",
            id="an unknown queue",
        ),
        pytest.param({}, ("-P", "gevent"), POOL, id="gevent"),
        pytest.param(
            {}, ("-E",), "--task-events: events go through sqs_monitor_database, which is not set", id="events"
        ),
        pytest.param({}, ("--purge",), "sqs_purge_allowed: it is not set, so a worker takes no --purge", id="purge"),
    ],
)
def test_a_worker_refuses_to_start_with_one_line_and_receives_nothing(shop, written, arguments, line):
    shop.write(**written)
    shop.queues.send("{}")
    worker = shop.worker(*arguments)
    assert worker.wait(60) == os.EX_CONFIG, worker.output
    assert line in worker.output
    assert "Traceback" not in worker.output
    [message] = shop.queues.peek(shop.queues.url)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1", "by this test alone"


def test_a_worker_without_time_limits_starts_and_says_that_there_are_none(shop):
    shop.write()
    worker = shop.worker("-Q", "mail")
    poll(lambda: worker.says("ready."), 30, "the worker is ready")
    assert "one attempt      may take as long as SQS's longest lease" in worker.output
    assert "it has no time limit" in worker.output
    shop.caller("note.delay('text')").wait(30)
    poll(lambda: worker.says("noted text"), 10, "a call runs")


def test_a_task_may_have_a_time_limit_above_the_visibility_timeout_as_its_lease_is_extended(shop):
    shop.write(tasks="@app.task(time_limit=90, soft_time_limit=60)\ndef count():\n    print('counted')")
    worker = shop.worker("-Q", "mail")
    assert shop.caller("from shop import count; count.delay()").wait(30) == 0
    poll(lambda: worker.says("counted"), 30, "a call runs")


PURGING = "app.conf.sqs_purge_allowed = True"


def test_where_it_is_allowed_a_worker_may_purge_its_queue_before_it_begins(shop):
    shop.write(tasks=PURGING)
    shop.caller("note.delay('old'); note.apply_async(('late',), countdown=600)").wait(30)
    worker = shop.worker("--purge")
    poll(lambda: worker.says("ready."), 30, "the worker is ready")
    assert worker.says("purge: Erased 2 messages from the queue.")
    shop.caller("note.delay('new')").wait(30)
    poll(lambda: worker.says("noted new"), 10, "what comes later runs")
    assert not worker.says("noted old")


def test_a_worker_whose_queue_sqs_does_not_purge_ends_with_one_line_that_says_so(shop):
    shop.write(tasks=PURGING, address="127.0.0.1:1")  # where nobody answers
    worker = shop.worker("--purge")
    assert worker.wait(30) == 1, worker.output
    assert worker.says("mail is not purged: GetQueueAttributes")
    assert "Traceback" not in worker.output


def test_where_it_is_allowed_celery_purge_and_its_like_delete_all_messages(shop):
    shop.write(tasks=PURGING)
    caller = shop.caller("note.delay('old'); print(note.app.control.discard_all(), note.app.control.purge())")
    assert caller.wait(30) == 0, caller.output
    assert caller.says("1 0")
    shop.queues.send("{}")
    purge = shop.celery("purge", "--force", "-Q", "mail")
    assert purge.wait(30) == 0, purge.output
    assert purge.says("Purged 1 message from 1 known task queue.")
    assert not shop.queues.waiting()


ARGUMENTS = """
import datetime, decimal, uuid


@app.task
def show(*values):
    print(f"shown {values!r}")


@app.task(serializer="exact-json")
def show_exact(value):
    print(f"exact {value!r}")


def call():
    show.delay(1.5, decimal.Decimal("99.90"), uuid.UUID(int=7), datetime.datetime(2026, 1, 24), {"price": 99.9})
    show.delay({"price": 99.9})
    show_exact.delay({"price": decimal.Decimal("99.90")})
"""


def test_arguments_arrive_as_celery_sends_them_or_exact_where_the_task_asks_for_it(shop):
    shop.write(tasks=ARGUMENTS)
    worker = shop.worker()
    caller = shop.caller("import shop; shop.call()")
    assert caller.wait(60) == 0, caller.output
    typed = "1.5, Decimal('99.90'), UUID('00000000-0000-0000-0000-000000000007'), datetime.datetime(2026, 1, 24, 0, 0)"
    for shown in (
        f"shown ({typed}, {{'price': 99.9}})",
        "shown ({'price': 99.9},)",
        "exact {'price': Decimal('99.90')}",
    ):
        poll(lambda shown=shown: worker.says(shown), 60, shown)


def test_a_pool_of_eventlet_is_refused_where_there_is_an_eventlet(shop):
    shop.write()
    shop.queues.send("{}")
    worker = shop.worker("-P", "eventlet")
    code, line = (os.EX_CONFIG, POOL) if find_spec("eventlet") else (1, "No module named 'eventlet'")  # Celery's own
    assert worker.wait(60) == code, worker.output
    assert line in worker.output
    assert shop.queues.visible() == 1


def test_an_app_that_is_configured_as_on_kombus_transport_runs(shop):
    shop.write()
    worker = shop.worker()
    poll(lambda: worker.says("ready."), 60, "the worker is ready")
    caller = shop.caller("note.delay('a letter'); note.apply_async(['x'], queue='nowhere')")
    assert caller.wait(60) == 1
    assert "Misconfigured: sqs_queues: there is no queue 'nowhere'; there are mail, bulk" in caller.output
    poll(lambda: worker.says("noted a letter"), 30, "the task has run")
    poll(lambda: shop.queues.waiting() == 0, 30, "its message is deleted")
