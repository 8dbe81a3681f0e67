"""What is asked of a dependency: waited for only so long, never asked twice at once, kept for a moment."""

import threading

from celery_sqs.dependencies import Recent
from tests.polling import poll


class Source:
    """Answers with the number of the question; on demand it fails, or hangs."""

    def __init__(self):
        self.asked = 0
        self.error = None
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self):
        self.asked += 1
        assert self.go_on.wait(5)
        if self.error:
            raise self.error
        return self.asked


def test_an_answer_is_kept_for_a_while():
    source = Source()
    recent = Recent(source, kept=60)
    assert [recent.answer().value for _ in range(3)] == [1, 1, 1]
    assert Recent(source, kept=0).answer().value == 2


def test_a_failure_is_told_beside_the_last_answer():
    source = Source()
    recent = Recent(source, kept=0)
    assert recent.answer().error is None
    source.error = OSError("Connection refused")
    answer = recent.answer()
    assert (answer.value, answer.error) == (1, "OSError: Connection refused")
    assert answer.age >= 0
    source.error = None
    assert (recent.answer().value, recent.answer().error) == (3, None)


def test_a_failure_is_kept_as_well():
    source = Source()
    source.error = OSError("Connection refused")
    recent = Recent(source, kept=60)
    assert [recent.answer().error for _ in range(3)] == ["OSError: Connection refused"] * 3
    assert source.asked == 1


def test_nobody_waits_for_an_answer_that_does_not_come_and_nobody_asks_again():
    source = Source()
    source.go_on.clear()
    recent = Recent(source, kept=0)
    answers = [recent.answer(timeout=0.01) for _ in range(3)]
    assert [answer.value for answer in answers] == [None] * 3
    assert all("no answer within" in answer.error for answer in answers)
    source.go_on.set()
    assert poll(lambda: recent.answer().value, 5, "the answer") >= 1
    assert source.asked <= 3
