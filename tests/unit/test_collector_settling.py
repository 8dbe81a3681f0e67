"""How a collector settles the calls of a batch that has run."""

from tests.unit.test_collector import stand, task

__all__ = ["stand", "task"]


def test_what_has_succeeded_in_a_batch_is_deleted_together_and_the_rest_settled_one_by_one(stand):
    requests = stand.arrive("a", "b", "c")
    stand.end_one([None, "a decision", None])
    assert stand.channel.acked == [["a", "c"]]
    assert [getattr(request, "decision", None) for request in requests] == [None, "a decision", None]
    assert [request.acknowledged for request in (requests[0], requests[2])] == [True, True]


def broken(_):
    raise LookupError


def test_one_that_cannot_be_settled_is_given_up_alone(stand):
    requests = stand.arrive("a", "b", "c")
    requests[0].settle = broken
    stand.end_one(["a decision", None, "a decision"])
    assert [type(getattr(request, "given_up", None)) for request in requests] == [LookupError, type(None), type(None)]
    assert (stand.channel.acked, requests[2].decision) == ([["b"]], "a decision")


def test_a_batch_that_cannot_be_settled_is_given_up_and_the_next_one_starts(stand):
    requests = stand.arrive("a", "b")
    stand.arrive("c")
    stand.channel.ack_all = broken
    stand.end_one([None, None])
    assert [type(request.given_up) for request in requests] == [LookupError, LookupError]
    assert stand.pool.batches == [["a", "b"], ["c"]]
