"""Batch tasks in a real worker, with a result backend: what Celery promises of a task holds for each call."""

from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from celery import chain, chord, group
from celery.exceptions import ChordError

from config.queues import ORDER_QUEUE
from tests.emulator import Queues
from tests.integration import batch_app
from tests.polling import poll
from tests.processes import BIN, Process

ATTEMPTS = ORDER_QUEUE.max_receive_count
IN_TIME = 30  # seconds for a result
VISIBILITY_TIMEOUT = 30  # seconds, as in production
WAITING = 100  # messages before the worker starts


@contextmanager
def running(emulator, queues, folder, *arguments, waiting=lambda app: None):
    """A worker's process, and the app that calls it.

    Args:
        emulator: SQS.
        queues: the queue and its DLQ.
        folder: where its files are.
        arguments: of the worker.
        waiting: called with the app before the worker starts.
    """
    notes = folder / "notes"
    given = (queues.url, emulator.url, f"db+sqlite:///{folder}/results.db", str(notes))
    names = (batch_app.QUEUE_URL, batch_app.ENDPOINT, batch_app.RESULTS, batch_app.NOTES)
    app = batch_app.create(*given)
    waiting(app)
    command = [BIN / "celery", "-A", "tests.integration.batch_app", "worker", "-l", "INFO", *arguments]
    process = Process(command, folder / "worker.log", dict(zip(names, given, strict=True)))
    try:
        poll(lambda: process.says("ready."), 30, "the worker is ready")
        yield SimpleNamespace(app=app, tasks=app.tasks, notes=notes, process=process)
    finally:
        app.close()
        process.kill()


@pytest.fixture(scope="module")
def queues(emulator):
    both = Queues.fresh(emulator, VISIBILITY_TIMEOUT)
    yield both
    both.delete()


@pytest.fixture(scope="module")
def worker(emulator, queues, tmp_path_factory):
    with running(emulator, queues, tmp_path_factory.mktemp("batches"), "-c", "2") as worker:
        yield worker


def lines(worker, *what):
    """How often a task has left this line."""
    return worker.notes.read_text().splitlines().count(" ".join(what)) if worker.notes.exists() else 0


def test_calls_of_any_arguments_have_their_results(worker):
    add = worker.tasks["add"]
    results = [add.delay(1, 2), add.delay(1, x=2), add.delay(x=1, y=2), add.s(1).apply_async((2,))]
    assert [result.get(IN_TIME) for result in results] == [3, 3, 3, 3]


def test_a_call_whose_result_is_to_be_ignored_runs(worker, queues):
    result = worker.tasks["add"].apply_async((1, 2), ignore_result=True)
    assert result.get(IN_TIME) is None
    poll(lambda: not queues.waiting(), IN_TIME, "it has run")


def test_what_is_linked_to_a_call_runs_with_its_result(worker):
    add, follow = worker.tasks["add"], worker.tasks["follow"]
    links = [follow.s().set(task_id="one-link"), follow.s().set(task_id="another-link")]
    result = add.apply_async((1, 2), link=links)
    assert [worker.app.AsyncResult(link.options["task_id"]).get(IN_TIME) for link in links] == [["followed", 3]] * 2
    [linked] = result.children
    assert sorted(each.id for each in linked) == ["another-link", "one-link"]


def test_chains_lead_from_and_to_batches(worker):
    add, follow = worker.tasks["add"], worker.tasks["follow"]
    assert chain(add.s(1, 2), follow.si("x")).delay().get(IN_TIME) == ["followed", "x"]
    assert chain(add.s(1, 2), add.s(3), add.s(4), follow.s()).delay().get(IN_TIME) == ["followed", 10]


def test_groups_and_chords_have_batches_in_their_head_and_for_their_body(worker):
    add, follow = worker.tasks["add"], worker.tasks["follow"]
    assert group(add.s(number, 1) for number in range(5)).delay().get(IN_TIME) == [1, 2, 3, 4, 5]
    summed = chord([add.s(1, 1), add.s(2, 2), follow.s("x")], follow.s()).delay().get(IN_TIME)
    assert summed == ["followed", [2, 4, ["followed", "x"]]]
    with pytest.raises(TypeError, match="list"):  # `add` cannot add the list: it has been called with it
        chord([follow.s("x")], add.s()).delay().get(IN_TIME)


def test_a_failed_attempt_is_no_failure_to_who_waits(worker):
    mourn = worker.tasks["mourn"]
    result = worker.tasks["mend"].apply_async(link_error=mourn.s(), task_id="mended")
    assert result.get(IN_TIME) == 1
    assert lines(worker, "mourn", "mended") == 0


def test_the_last_failed_attempt_is_a_failure_once(worker):
    mourn = worker.tasks["mourn"]
    result = worker.tasks["fail"].apply_async(link_error=mourn.s(), task_id="failed")
    with pytest.raises(ValueError, match="never"):
        result.get(IN_TIME)
    assert lines(worker, "fail", "failed") == ATTEMPTS
    assert lines(worker, "mourn", "failed") == 1


def test_a_chord_whose_head_fails_fails(worker):
    add, fail, follow = (worker.tasks[name] for name in ("add", "fail", "follow"))
    body = chord([add.s(1, 1), fail.s()], follow.s()).delay()
    poll(lambda: body.state == "FAILURE", IN_TIME, "the chord has failed")
    assert isinstance(body.result, ChordError)


def test_a_run_that_returns_nothing_is_named_on_record_and_in_the_log(worker):
    with pytest.raises(TypeError, match=r"forget has to return a list .* and has returned None"):
        worker.tasks["forget"].delay().get(IN_TIME)
    assert "forget has to return a list with an outcome for each of 1 calls, and has returned None" in (
        worker.process.output
    )


def test_the_examples_of_celery_batches_work(worker):
    count_click, wot_api = worker.tasks["count_click"], worker.tasks["wot_api"]
    for result in [count_click.delay(url="http://example.com") for _ in range(5)]:
        assert result.get(IN_TIME) is None
    clicks = [line.split()[2] for line in worker.notes.read_text().splitlines() if line.startswith("clicks ")]
    assert sum(map(int, clicks)) == 5
    results = [wot_api.delay(url) for url in ("http://example.com", "http://example.org")]
    assert [result.get(IN_TIME)["target"] for result in results] == ["http://example.com", "http://example.org"]
    results = [worker.tasks["check_emoji"].delay(name) for name in ("tada", "none")]
    assert [result.get(IN_TIME) for result in results] == [True, False]


def test_the_examples_of_celery_batches_that_write_to_a_database_work(worker):
    rows = [worker.tasks["bulk_insert"].delay(name=f"row{number}", price=1.5) for number in range(5)]
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (3, 9, 1)]
    seen = [worker.tasks["last_seen"].delay(7, when) for when in times]
    assert [result.get(IN_TIME) for result in rows + seen] == [None] * 8
    assert sum(lines(worker, "row", f"row{number}", "1.5") for number in range(5)) == 5
    assert lines(worker, "seen", "7", max(times).isoformat()) == 1


#: Calls in a batch where the prefetch limit, of 4 here, bounds it. How many more there are, the emulator decides.
SMALL = 4


@pytest.mark.long
def test_a_worker_that_holds_few_messages_of_other_tasks_has_large_batches_still(emulator, tmp_path):
    queues = Queues.fresh(emulator, VISIBILITY_TIMEOUT)

    def waiting(app):
        for number in range(WAITING):
            app.tasks["measure"].apply_async((number,), ignore_result=True)

    with running(emulator, queues, tmp_path, "-c", "2", "--prefetch-multiplier", "1", waiting=waiting) as worker:
        poll(lambda: not queues.waiting(), IN_TIME, "all have run")
        sizes = [int(line.split()[1]) for line in worker.notes.read_text().splitlines()]
    queues.delete()
    assert sum(sizes) == WAITING
    assert max(sizes) > SMALL, sizes
