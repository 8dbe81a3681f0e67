"""The tasks of examples/mail and their hooks, without SQS."""

import pytest

from celery_sqs import Call


@pytest.fixture
def shop(load):
    return load()


def call(task_id, **mail):
    return Call(task_id, task_id, [mail], {}, 1, "worker@host")


def test_a_welcome_is_written_sent_and_counted(shop):
    shop.welcome("Ada")
    assert shop.outbox.counts() == {"Ada": 1}


def test_what_is_delivered_twice_is_sent_and_counted_once(shop):
    for _ in range(2):
        shop.send.apply(({"customer": "Ada", "text": "Hello"},), task_id="one", throw=True)
        shop.report.run([call("two", customer="Ada"), call("three", customer="Grace")])
    assert shop.outbox._execute("SELECT * FROM sent") == [("one", "ada@example.org", "Hello")]
    assert shop.outbox.counts() == {"Ada": 1, "Grace": 1}


def test_a_mail_without_an_address_fails_for_good(shop):
    with pytest.raises(shop.outbox.NoAddress, match="Linus has no address"):
        shop.send.apply(({"customer": "Linus", "text": "Hello"},), throw=True)
    assert shop.outbox.NoAddress in shop.send.permanent


def test_a_dry_run_says_where_each_mail_would_go_by_the_addresses_of_now(shop):
    calls = [call("one", customer="Ada"), call("two", customer="Linus")]
    assert [(each.accepted, each.why) for each in shop.send.dry_run(calls)] == [
        (True, "goes to ada@example.org"),
        (False, "no address"),
    ]
    shop.outbox.add_customer("Linus", "linus@example.org")
    assert [each.accepted for each in shop.send.dry_run(calls)] == [True, True]


def test_a_mail_is_found_by_its_customer(shop):
    assert shop.send.subject({"customer": "Ada", "text": "Hello"}) == "Ada"
