"""The examples of Celery's chapter "Canvas: Designing Work-flows", on SQS."""

import time

import pytest
from celery import chain, chord, group, signature
from celery.canvas import StampingVisitor
from celery.exceptions import ChordError
from celery.result import GroupResult, ResultSet

from tests.chapters.canvas import (
    add,
    create_user,
    echo,
    import_contacts,
    log_error,
    log_result,
    mul,
    raising_task,
    replaced_by,
    replaced_by_sums,
    reset_buffers,
    send_welcome_email,
    subtract,
    tsum,
    xsum,
)
from tests.chapters.conftest import WAIT, got
from tests.chapters.proj import LOW
from tests.chapters.tasks import dump_context
from tests.polling import poll

pytestmark = pytest.mark.usefixtures("project")


class TestSignatures:
    def test_a_signature_is_made_in_every_way(self):
        name = "tests.chapters.canvas.add"
        made = [
            signature(name, args=(2, 2), countdown=1),
            add.signature((2, 2), countdown=1),
            add.s(2, 2).set(countdown=1),
            add.s(2, 2, debug=True),
        ]
        assert [got(result) for result in [each.delay() for each in made]] == [4] * 4
        assert add.s(2, 2)() == 4

    def test_an_option_of_a_call_comes_before_the_signatures(self):
        assert got(add.signature((2, 2), countdown=600).apply_async(countdown=0)) == 4

    def test_arguments_of_a_partial_come_first(self):
        assert got(subtract.s(10).delay(30)) == 20
        assert got(subtract.s(10).apply_async((30,))) == 20
        assert got(echo.s(2, b=1).clone(args=(4,), kwargs={"b": 2}).delay()) == [[4, 2], {"b": 2}]
        assert got(echo.s(2, 2).apply_async(kwargs={"debug": True})) == [[2, 2], {"debug": True}]

    def test_an_immutable_callback_gets_no_result(self):
        for link in (reset_buffers.signature(immutable=True), reset_buffers.si()):
            result = add.apply_async((2, 2), link=link)
            assert got(result) == 4
            assert got(result.children[0]) == "reset"

    def test_a_frozen_signature_knows_its_result(self):
        frozen = add.si(2, 2)
        result = frozen.freeze()
        frozen.apply_async()
        assert got(result) == 4

    def test_a_signature_goes_to_the_queue_that_is_set(self):
        assert got(dump_context.s(1, 2).set(queue=LOW).delay())["delivery_info"]["routing_key"] == LOW

    def test_the_tilde_calls_and_gets(self):
        assert ~add.s(2, 2) == 4


class TestChains:
    def test_a_chain_passes_results_on(self):
        result = chain(add.s(4, 4), mul.s(8), mul.s(10))()
        assert got(result) == 640
        assert [result.parent.get(), result.parent.parent.get()] == [64, 8]
        assert got((add.s(2, 2) | mul.s(8) | mul.s(10)).apply_async()) == 320

    def test_a_chain_of_immutable_signatures_passes_nothing_on(self):
        result = (add.si(2, 2) | add.si(4, 4) | add.si(8, 8))()
        assert [got(result), result.parent.get(), result.parent.parent.get()] == [16, 8, 4]

    def test_chains_are_partial_and_combine(self):
        partial = add.s(4) | mul.s(8)
        assert got(partial(16)) == 160
        assert got((add.s(4, 16) | mul.s(2) | partial)()) == 352

    def test_a_result_leads_to_what_followed(self):
        result = add.apply_async((2, 2), link=mul.s(16))
        assert got(result) == 4
        assert got(result.children[0]) == 64
        assert [value for _, value in result.collect()] == [4, 64]

    def test_signatures_are_linked_and_have_errbacks(self, project):
        linked = add.s(2, 2)
        linked.link(mul.s(4))
        linked.link(log_result.s())
        result = linked.delay()
        assert project.noted("log_result", result)[0]["result"] == 4
        failed = raising_task.s().on_error(log_error.s()).delay()
        project.noted("log_error", failed)

    def test_a_chain_has_the_id_of_its_last_task_and_a_graph(self):
        result = chain(add.s(4, 4), mul.s(8), mul.s(10)).apply_async(task_id="the-last")
        assert (result.id, got(result)) == ("the-last", 640)
        assert len(result.parent.parent.graph) == 3

    def test_a_chain_that_fails_in_the_middle_calls_its_errback_once_and_goes_no_further(self, project):
        result = chain(add.s(1, 1), raising_task.si(), reset_buffers.si()).apply_async(link_error=log_error.s())
        project.noted("log_error", result.parent)
        assert not project.notes("reset", result.id)


class TestGroups:
    def test_a_group_runs_all_of_its_tasks(self):
        assert got(group(add.s(i, i) for i in range(10))()) == list(range(0, 20, 2))
        assert got(group(add.s(2, 2), add.s(4, 4))()) == [4, 8]

    def test_a_group_of_a_hundred_is_complete(self):
        assert got(group(add.s(i, i) for i in range(100))()) == list(range(0, 200, 2))

    def test_what_is_linked_to_a_group_is_called_for_each_of_its_tasks(self, project):
        each = group(raising_task.s(), raising_task.s())
        each.link_error(log_error.s())
        for result in each():
            project.noted("log_error", result)

    def test_a_group_result_says_how_far_it_is(self):
        result = group([add.s(2, 2), add.s(4, 4), add.signature((8, 8), countdown=2)]).apply_async()
        assert result.waiting()
        assert not result.ready()
        assert result.join(timeout=WAIT) == [4, 8, 16]
        assert result.ready()
        assert result.successful()
        assert not result.failed()
        assert result.completed_count() == 3

    def test_a_group_of_which_one_fails_has_failed(self):
        result = group([add.s(2, 2), raising_task.s()]).apply_async()
        with pytest.raises(ValueError, match="something something"):
            got(result)
        assert result.failed()
        assert result.get(propagate=False)[0] == 4

    def test_a_group_result_is_saved_and_restored(self, project):
        result = group(add.s(2, 2), add.s(4, 4))()
        result.save()
        assert got(GroupResult.restore(result.id, app=project.app)) == [4, 8]
        result.forget()

    def test_a_group_of_one_in_a_chain_is_a_task(self):
        assert got(chain(add.s(2, 2), group(add.s(1)), add.s(1))()) == 6
        assert got(chain(add.s(2, 2), group(add.s(1), add.s(2)), tsum.s())()) == 11

    def test_a_group_gets_the_result_before_it(self):
        workflow = create_user.s() | group(import_contacts.s(), send_welcome_email.s())
        assert got(workflow.delay(username="artv")) == ["contacts of artv", "welcome artv"]
        result = (add.s(4, 4) | group(add.si(i, i) for i in range(10)))()
        assert got(result) == list(range(0, 20, 2))
        assert result.parent.get() == 8

    def test_results_are_collected_in_a_set(self):
        results = ResultSet([add.delay(1, 1)])
        results.add(add.delay(2, 2))
        assert got(results) == [2, 4]


class TestChords:
    def test_a_chord_calls_its_body_with_all_results(self):
        results = [
            chord(add.s(i, i) for i in range(10))(tsum.s()),
            chord((add.s(i, i) for i in range(10)), tsum.s())(),
            (group(add.s(i, i) for i in range(10)) | tsum.s())(),
        ]
        assert [got(result) for result in results] == [90] * 3

    def test_a_chord_of_a_hundred_is_complete(self):
        assert got(chord([add.s(i, i) for i in range(100)])(tsum.s())) == 9900

    def test_an_immutable_body_gets_no_results(self):
        assert got(chord((add.s(i, i) for i in range(2)), reset_buffers.si()).apply_async()) == "reset"

    def test_chords_are_nested(self):
        inner = chord([add.s(1, 1), add.s(2, 2)], tsum.s())
        results = [
            chord([inner.clone(), add.s(3, 3)], xsum.s())(),
            chord([group(add.s(1, 1), add.s(2, 2)), add.s(3, 3)], xsum.s())(),
            chain(inner, add.s(1), group(add.s(1), add.s(2)), tsum.s())(),
        ]
        assert [got(result) for result in results] == [12, 12, 17]

    def test_a_body_may_be_a_group_or_a_chain(self):
        assert got(chord([add.s(1, 1), add.s(2, 2)], group(tsum.s(), xsum.s()))()) == [6, 6]
        assert got(chord([add.s(1, 1), add.s(2, 2)], tsum.s() | add.s(1))()) == 7

    def test_the_header_waits_until_it_is_due(self):
        began = time.time()
        assert got(chord([add.s(1, 1), add.s(2, 2)], tsum.s()).apply_async(countdown=2)) == 6
        assert time.time() - began > 1.9

    def test_a_chord_whose_header_fails_fails_and_the_rest_of_the_header_runs(self):
        result = chord([add.s(4, 4), raising_task.s(), add.s(8, 8)])(tsum.s())
        poll(result.failed, WAIT, "the chord has failed")
        assert isinstance(result.result, ChordError)
        assert "ValueError('something something')" in str(result.result)  # which task it was, redis says alone
        assert "ValueError" in result.traceback
        with pytest.raises(ValueError, match="something something"):  # as Celery has it: of the task itself
            got(result)
        assert got(result.parent[2]) == 16

    def test_the_errback_of_a_body_is_called_once(self, project):
        for errback in ("log_error", "on_error"):
            on_failure = project.app.tasks[f"tests.chapters.canvas.{errback}"].s()
            result = (group([add.s(1, 1), raising_task.s()]) | tsum.s().on_error(on_failure)).delay()
            [noted] = project.noted(errback, result)
            assert "ChordError" in noted["error"]

    def test_links_of_a_chord_are_its_bodys(self, project):
        header = [add.s(1, 1), add.s(2, 2)]
        result = chord(header, tsum.s()).apply_async(link=mul.s(2), link_error=log_error.s())
        assert got(result) == 6
        assert got(result.children[0]) == 12
        failing = chord([*header, raising_task.s()], tsum.s()).apply_async(link_error=log_error.s())
        project.noted("log_error", failing)


class TestMapAndChunks:
    def test_map_and_starmap_are_one_message_each(self):
        assert ~tsum.map([list(range(10)), list(range(100))]) == [45, 4950]
        assert ~add.starmap(zip(range(10), range(10), strict=True)) == list(range(0, 20, 2))
        assert got(add.starmap([(1, 1)]).apply_async(countdown=1)) == [2]

    def test_chunks_are_a_message_for_each(self):
        sums = [list(range(start, start + 20, 2)) for start in range(0, 200, 20)]
        assert got(add.chunks(zip(range(100), range(100), strict=True), 10)()) == sums
        assert got(add.chunks(zip(range(100), range(100), strict=True), 10).apply_async()) == sums

    def test_chunks_become_a_group_whose_tasks_are_due_one_after_the_other(self):
        skewed = add.chunks(zip(range(4), range(4), strict=True), 2).group().skew(start=1, stop=3)
        began = time.time()
        assert got(skewed()) == [[0, 2], [4, 6]]
        assert time.time() - began > 1.9


class TestStamping:
    def test_a_stamp_is_in_the_stored_result(self):
        stamped = add.si(2, 2)
        result = stamped.freeze()
        both = group(stamped, add.si(3, 3))
        both.stamp(stamp="your_custom_stamp")
        assert got(both.apply_async()) == [4, 6]
        assert result._get_task_meta()["stamp"] == "your_custom_stamp"

    def test_a_visitor_stamps_tasks_callbacks_and_errbacks(self):
        class Visitor(StampingVisitor):
            def on_signature(self, sig, **headers):
                return {"header": "value"}

            def on_callback(self, callback, **headers):
                return {"on_callback": True}

        body = tsum.s()
        body.link(dump_context.si(1, 2))
        stamped = chord([add.s(1, 1), add.s(2, 2)], body)
        stamped.stamp(visitor=Visitor())
        result = stamped.apply_async()
        assert got(result) == 6
        assert result._get_task_meta()["header"] == "value"
        assert got(result.children[0])["stamps"] == {"header": "value", "on_callback": True}
        assert result.parent[0]._get_task_meta()["header"] == "value"


class TestReplacement:
    def test_a_task_is_replaced_by_another_and_by_a_group(self):
        assert got(replaced_by.delay(add.s(2, 2))) == 4
        assert got(replaced_by_sums.delay(3)) == [0, 2, 4]

    def test_what_follows_follows_the_replacement(self):
        assert got(chain(replaced_by.si(add.si(2, 2)), mul.s(3))()) == 12
        assert got(chord([replaced_by.si(add.si(2, 2)), add.si(1, 1)], tsum.s())()) == 6
        assert got(chain(replaced_by.si(chain(add.si(2, 2), mul.s(2))), mul.s(3))()) == 24

    def test_a_chain_replaces_a_task_in_a_group(self):
        result = group(replaced_by.si(add.si(2, 2) | mul.s(2)), add.si(1, 1)).delay()
        assert got(result) == [8, 2]
