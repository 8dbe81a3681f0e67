"""One run of a repair: how long it waits for news of what it has sent."""

from types import SimpleNamespace

from celery_sqs.dlq import REDRIVE, Throttle
from celery_sqs.dlq.repair.run import RepairRun

LOOKS = 20  # at a queue that is paused
IN_A_PAUSE = "paused by bob"


class Journal:
    """Notes what a run writes."""

    def __init__(self):
        self.notes, self.closed = [], None

    def open(self):
        """A run begins."""

    def note(self, text):
        self.notes.append(text)

    def close(self, state, note):
        self.closed = state, note

    def undeleted(self):
        return ()


class Sent:
    """A pass that has sent all there is, which nobody confirms."""

    def __len__(self):
        return 0

    def run(self, first=None):
        """All of it is in the queue."""


def test_a_pause_is_no_lack_of_news():
    journal, looks = Journal(), []
    repair = SimpleNamespace(id="r", action=REDRIVE, canaries=0, failed=0, sent=1, waiting=0)

    def paused():
        looks.append(journal.closed)
        return IN_A_PAUSE if 1 < len(looks) <= LOOKS else None

    throttle = Throttle(confirm_within=0.002, poll=0.001)
    log, outcomes = SimpleNamespace(progress=lambda _: repair), SimpleNamespace(check=lambda: None)
    RepairRun(repair, log, journal, outcomes, Sent(), throttle, lambda: None, paused).run()
    assert len(looks) > LOOKS, "it has given up in the pause"
    assert journal.notes == [f"waits for the queue, which is {IN_A_PAUSE}", ""]
    assert journal.closed == ("done", "1 are not confirmed: no news for 0.002 s")
