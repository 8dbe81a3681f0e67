"""A rogue consumer spends the receives of messages that no worker has seen."""

from tests.faults.history import History
from tests.faults.rogue_consumer import BURNT, burning_receives
from tests.polling import poll


def test_burns_every_receive_of_the_messages_that_there_are(queues, tmp_path):
    history = History(tmp_path / "history.log")
    for number in range(20):
        queues.send(f"body {number}")
    with burning_receives(queues, history, seed=1):
        poll(lambda: not queues.waiting(), 30, "all have been received as often as the queue allows")
    assert history.effects[BURNT] == 20 * 3
    assert queues.peek(queues.dlq_url)
