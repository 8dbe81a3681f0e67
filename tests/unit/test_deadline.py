"""What waits for the database waits no longer than to the deadline of the operation that it is a part of."""

import threading
import time

from orders.outages.deadline import left, within


def test_outside_an_operation_a_wait_has_its_own_limit_or_none():
    assert left(10) == 10
    assert left(None) is None


def test_in_one_a_wait_ends_with_it():
    with within(5):
        assert 4 < left(10) <= 5
        assert 4 < left(None) <= 5
        assert left(1) == 1
    assert left(10) == 10


def test_an_operation_in_another_has_no_more_time_than_that():
    with within(1), within(10):
        assert left(10) <= 1


def test_a_wait_after_the_deadline_is_short_and_still_one():
    with within(0.01):
        time.sleep(0.02)
        assert 0 < left(10) < 0.1


def test_each_thread_has_its_own():
    seen = []
    with within(1):
        thread = threading.Thread(target=lambda: seen.append(left(10)))
        thread.start()
        thread.join()
    assert seen == [10]
