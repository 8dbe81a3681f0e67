"""The rescuer in the web processes: what is dead with attempts left is stored, and nobody has to ask."""

import pytest

from celery_sqs.dlq import SYSTEM
from tests.dead_orders import bury, in_all, order_body, order_id_of
from tests.mariadb import rows
from tests.polling import poll
from tests.processes import BIN, Process

pytestmark = pytest.mark.long


@pytest.fixture
def environment(environment):
    return environment | {"OPERATORS": "ada:a-password-of-the-tests"}


@pytest.fixture
def dead_order(queues):
    """An order that is dead without an attempt on record; its id."""
    body = order_body()
    bury(queues, [body])
    return order_id_of(body)


def stored(environment):
    return [order_id for (order_id,) in rows(environment["DATABASE_URL"], "SELECT order_id FROM orders")]


def test_web_sends_it_again_by_itself_and_says_so(dead_order, client, start_worker, environment, queues):
    start_worker()
    poll(lambda: stored(environment) == [dead_order], 30, "the order is stored")
    poll(lambda: in_all(queues, queues.dlq_url) == 0, 10, "the DLQ is empty")
    recorded = rows(environment["DATABASE_URL"], "SELECT action, operator FROM repairs")
    assert recorded == (("rescue", SYSTEM),)


def test_an_operator_does_so_by_hand(dead_order, start_worker, environment, queues, tmp_path):
    start_worker()
    command = [BIN / "flask", "--app", "app", "dlq", "rescue", "--as", "ada"]
    outputs = []
    for number in (1, 2):
        process = Process(command, tmp_path / f"flask-{number}.log", environment)
        assert process.wait(60) == 0
        outputs.append(process.output)
        process.kill()
    assert "rescue of 1 message by ada: done" in outputs[0]
    assert "nothing is dead with attempts left" in outputs[1]
    assert stored(environment) == [dead_order]
