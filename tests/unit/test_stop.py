"""What a stopping worker does with what has not begun: it runs nothing, and renews it or releases it."""

import threading
import time
from types import SimpleNamespace

import pytest

from celery_sqs.consume.budget import Step
from celery_sqs.consume.delivery import State
from tests.polling import poll
from tests.unit.channels import RECEIVES, refuse
from tests.unit.deliveries import SettlingSQS, handles, succeed


@pytest.mark.parametrize("receives", [1, 2, 3])
def test_what_has_not_begun_is_renewed_where_attempts_are_on_record(stand, receives):
    one = stand.receive(1, receives=receives)
    one.attempts = 0
    stand.channel.settle_at_stop(one)
    [renewal] = stand.copies()
    assert (renewal.receives, renewal.attempts) == (receives, 0)
    assert handles(stand.sqs.deleted) == ["handle-1"]


def test_what_has_not_begun_is_no_suspect_for_it(stand):
    one = stand.receive(1)
    stand.channel.settle_at_stop(one)
    [renewal] = stand.copies()
    assert not renewal.is_suspect


def test_what_was_not_looked_up_is_renewed_and_says_so(stand):
    one = stand.receive(1, receives=3)
    stand.channel.settle_at_stop(one)
    [renewal] = stand.copies()
    assert (renewal.attempts, renewal.receives_since, renewal.is_suspect) == (0, 2, False)


def test_what_is_spent_is_released(stand):
    one = stand.receive(1, receives=2)
    one.attempts = RECEIVES
    stand.channel.settle_at_stop(one)
    assert (stand.copies(), stand.released()) == ([], ["handle-1"])


@pytest.mark.parametrize(("receives", "renewed"), [(1, False), (2, False), (3, True)])
def test_without_a_record_only_the_last_receive_is_renewed(stand, receives, renewed):
    stand.owner.has_store = False
    stand.channel.settle_at_stop(stand.receive(1, receives=receives))
    copies, released = stand.copies(), stand.released()
    assert (len(copies), len(released)) == ((1, 0) if renewed else (0, 1))
    assert [copy.attempts for copy in copies] == [2] * renewed, "each receive before counts, and this one does not"


def test_without_a_redrive_policy_it_is_released(stand):
    one = stand.receive(1)
    one.max_receive_count = None
    stand.channel.settle_at_stop(one)
    assert (stand.copies(), stand.released()) == ([], ["handle-1"])


def test_on_a_fifo_queue_it_is_released(stand):
    stand.channel.settle_at_stop(stand.receive(1, is_renewable=False))
    assert (stand.copies(), stand.released()) == ([], ["handle-1"])


def test_what_cannot_be_renewed_is_released(stand):
    stand.channel.sqs = SettlingSQS(refuse)
    stand.channel.settlements.open("http://other")
    one = stand.receive(1)
    one.queue_url = "http://other"
    stand.channel.settle_at_stop(one)
    poll(lambda: stand.sqs.changed, 2, "it is released")
    assert handles(stand.sqs.changed) == ["handle-1"]
    assert stand.owner.begun == []


def test_closing_parts_with_all_that_is_in_flight(stand):
    handed, waiting = stand.receive(1), stand.receive(2, receives=2)
    stand.channel.turn()
    under_way = stand.receive(3, receives=3)
    under_way.attempts = 0
    stand.channel.proceed(under_way, Step.RENEW, records=True)
    stand.channel.close()
    sent = [entry for batch in stand.sqs.sent for entry in batch]
    assert len(sent) == 3, "what is being renewed is renewed once"
    assert sorted(handles(stand.sqs.deleted)) == ["handle-1", "handle-2", "handle-3"]
    assert {one.state for one in (handed, waiting, under_way)} == {State.SETTLED}


def test_closing_does_not_release_what_is_being_renewed(stand):
    confirm = threading.Event()

    def confirm_late(entries):
        confirm.wait(5)
        return succeed(entries)

    stand.channel.sqs = SettlingSQS(confirm_late)
    stand.channel.settlements.open("http://other")
    one = stand.receive(1, receives=2)
    one.queue_url, one.attempts = "http://other", RECEIVES
    stand.channel.proceed(one, Step.RENEW_UNSPENT, records=True)
    poll(lambda: stand.sqs.sent, 2, "its copy is under way")
    threading.Timer(0.3, confirm.set).start()
    stand.channel.close()
    assert stand.sqs.changed == [], "released it would run beside its copy"
    assert handles(stand.sqs.deleted) == ["handle-1"]


def test_closing_waits_four_seconds_for_polls_that_do_not_end(stand):
    stand.owner.is_cold = False
    stand.channel._stopped.append(SimpleNamespace(is_polling=True))
    assert 3.5 < seconds_of_closing(stand) < 5


def test_the_last_settlements_get_four_seconds_together(stand):
    over = threading.Event()

    def confirm_late(entries):
        over.wait(20)
        return succeed(entries)

    stand.channel.sqs = SettlingSQS(*[confirm_late] * 2)
    stand.channel.settlements.open("http://other")
    released, renewed = stand.receive(1, receives=2), stand.receive(2, receives=2)
    released.queue_url = renewed.queue_url = "http://other"
    released.attempts = RECEIVES
    try:
        assert 3.5 < seconds_of_closing(stand) < 5
    finally:
        over.set()


def seconds_of_closing(stand):
    began_at = time.monotonic()
    stand.channel.close()
    return time.monotonic() - began_at
