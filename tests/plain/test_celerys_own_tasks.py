"""The tasks that Celery brings itself, called by messages as anyone can send them: none is silently gone."""

from celery_sqs.monitor import EventReader
from config.queues import ORDER_QUEUE
from orders.database import connect
from tests.polling import poll

CALL = {"task": "jobs.note", "args": [{}], "kwargs": {}, "options": {}}

#: Arguments of those that succeed.
GOOD = {
    "celery.accumulate": [1, 2],
    "celery.backend_cleanup": [],
    "celery.group": [[CALL, CALL], [["group", None], []], "group", []],
}

#: Arguments of those that fail, each in a way of its own.
BAD = {
    "celery.chain": [1],
    "celery.chord_unlock": ["group", CALL],
    "celery.map": [{"task": "jobs.unheard_of"}, [1]],
}


def test_they_are_done_or_in_the_dlq_after_as_many_attempts_as_the_queue_allows(here):
    here.start_worker("-c", "1")
    tasks = {here.app.send_task(name, args).id: name for name, args in (GOOD | BAD).items()}

    poll(lambda: not here.queues.waiting() and len(here.runs("note")) == len(GOOD["celery.group"][0]), 20, "all end")

    dead = [
        message["MessageAttributes"]["celery_id"]["StringValue"] for message in here.queues.peek(here.queues.dlq_url)
    ]
    assert sorted(tasks[task_id] for task_id in dead) == sorted(BAD)
    events = EventReader(connect(here.database_url))

    def ends():
        ended = {name: events.task(task_id) for task_id, name in tasks.items()}
        return {name: task and (task.state, task.receive_count) for name, task in ended.items()}

    attempts = ORDER_QUEUE.max_receive_count
    expected = dict.fromkeys(GOOD, ("SUCCESS", 1)) | dict.fromkeys(BAD, ("FAILURE", attempts))
    poll(lambda: ends() == expected, 5, "all ends are on record")
