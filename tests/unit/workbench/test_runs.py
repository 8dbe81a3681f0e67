"""What takes longer than a page runs on by itself, and not twice at once."""

import threading

from celery_sqs.workbench.runs import Runs
from tests.polling import poll
from tests.unit.workbench.fakes import FakeDlq, a_progress


def test_a_run_is_not_started_while_it_runs():
    dlq, go_on, ran = FakeDlq(), threading.Event(), []

    def run(repair_id, on_progress=None):
        ran.append(repair_id)
        assert go_on.wait(5)

    dlq.repairs.run, dlq.repairs.progress = run, lambda repair_id: a_progress()
    runs = Runs(dlq)
    for _ in range(3):
        runs.repair("one")
    runs.repair("another")
    poll(lambda: len(ran) == 2, 5, "both run")
    go_on.set()
    poll(lambda: not any("sqs-workbench-" in thread.name for thread in threading.enumerate()), 5, "they end")
    runs.repair("one")
    poll(lambda: len(ran) == 3, 5, "it runs again")
    assert sorted(ran) == ["another", "one", "one"]
