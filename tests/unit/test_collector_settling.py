"""How a collector settles the calls of a batch that has run."""

from tests.unit.test_collector import stand, task

__all__ = ["stand", "task"]


def test_what_has_succeeded_in_a_batch_is_deleted_together_and_the_rest_settled_one_by_one(stand):
    requests = stand.arrive("a", "b", "c")
    stand.end_one([None, "a decision", None])
    assert stand.channel.acked == [["a", "c"]]
    assert [getattr(request, "decision", None) for request in requests] == [None, "a decision", None]
    assert [request.acknowledged for request in (requests[0], requests[2])] == [True, True]
