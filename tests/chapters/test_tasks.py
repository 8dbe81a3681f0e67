"""The examples of Celery's chapter "Tasks", on SQS."""

import pytest
from celery import states
from celery.exceptions import MaxRetriesExceededError, Reject, SoftTimeLimitExceeded, TimeLimitExceeded

from tests.chapters import classes, tasks
from tests.chapters.canvas import add
from tests.chapters.conftest import WAIT, got
from tests.polling import poll


class TestBasics:
    def test_a_name_is_given_or_generated(self):
        assert got(tasks.named.delay(1, 2)) == 3
        assert (tasks.named.name, tasks.talk.name) == ("sum-of-two-numbers", "tests.chapters.talk")

    def test_a_shared_task_is_a_task_of_the_app(self, project):
        assert got(project.app.send_task("shared-add", (1, 2))) == 3

    def test_a_bound_task_has_its_request(self, project):
        result = tasks.dump_context.apply_async((1, 2), {"z": 3}, link=add.si(1, 1), soft_time_limit=9)
        seen = got(result)
        assert (seen["id"], seen["args"], seen["kwargs"]) == (result.id, [1, 2], {"z": 3})
        assert (seen["root_id"], seen["correlation_id"]) == (result.id, result.id)
        assert (seen["retries"], seen["replaced_task_nesting"]) == (0, 0)
        assert (seen["is_eager"], seen["called_directly"]) == (False, False)
        assert (seen["timelimit"], seen["time_limit"], seen["soft_time_limit"]) == ([20, 9], 20, 9)
        assert [seen[name] for name in ("parent_id", "group", "chord", "eta", "expires", "chain", "errbacks")] == (
            [None] * 7
        )
        assert seen["callbacks"][0]["task"] == add.name
        assert seen["delivery_info"]["routing_key"] == "celery"
        assert "@" in seen["hostname"]
        assert seen["origin"].startswith("gen")

    def test_what_a_task_logs_and_prints_is_in_the_log_with_its_name_and_id(self, project):
        result = tasks.talk.delay()
        got(result)
        lines = project.worker.output.splitlines()
        [logged] = [line for line in lines if f"adding {result.id}" in line]
        assert f"tests.chapters.talk[{result.id}]" in logged
        assert any("printed" in line or result.id in line for line in lines if "WARNING" in line)

    def test_arguments_are_checked_at_the_call_unless_the_task_says_otherwise(self):
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            add.delay(8)
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            got(tasks.unchecked.delay(8))

    def test_arguments_are_hidden_in_the_log(self, project):
        result = add.apply_async((11112222, 3), argsrepr="(<secret-x>, <secret-y>)")
        got(result)
        got(add.s(11112222, 3).set(kwargsrepr=repr({"card": "****"})).delay())
        assert project.worker.says(result.id)


class TestRetries:
    def test_a_task_that_retries_is_waited_for_in_state_retry(self, project):
        result = tasks.send_twitter_status.delay(1, countdown=1)
        poll(lambda: result.state == states.RETRY, WAIT, "it is to be retried")
        assert isinstance(result.result, tasks.FailWhaleError)
        assert got(result) == 1
        project.noted("run", result, times=2)

    def test_a_retry_without_a_pause_runs_again_at_once(self, project):
        result = tasks.send_twitter_status.delay(2, countdown=0)
        assert got(result) == 2
        times = [note["at"] for note in project.noted("run", result, times=3)]
        assert times[-1] - times[0] < 5

    def test_after_the_last_retry_the_error_is_raised(self, project):
        result = tasks.send_twitter_status.delay(99, countdown=0)
        with pytest.raises(tasks.FailWhaleError, match="run 2"):
            got(result)
        project.noted("run", result, times=project.attempts)
        poll(lambda: project.is_dead(result), WAIT, "it is in the DLQ")

    def test_more_retries_than_the_queue_has_receives_are_made(self, project):
        result = tasks.send_twitter_status.delay(5, countdown=0, max_retries=5)
        assert got(result) == 5
        project.noted("run", result, times=6)

    def test_without_an_error_there_is_one_that_says_how_often(self, project):
        result = tasks.never_again.delay()
        with pytest.raises(MaxRetriesExceededError):
            got(result)

    def test_the_pause_is_the_tasks_or_the_calls(self, project):
        for task in (tasks.delayed, tasks.overriding):
            result = task.delay()
            assert got(result) == 1
            first, second = project.noted("run", result, times=2)
            assert 0.9 < second["at"] - first["at"] < 5

    def test_known_errors_are_retried(self, project):
        result = tasks.refresh_timeline.delay(4)
        assert got(result) == 4
        project.noted("run", result, times=5)

    def test_known_errors_are_retried_with_pauses_that_double(self, project):
        result = tasks.backing_off.delay()
        assert got(result) == 2
        first, second, third = (note["at"] for note in project.noted("run", result, times=3))
        assert 0.9 < second - first < 2.5
        assert 1.9 < third - second < 4

    def test_an_error_that_is_exempt_is_not_retried_like_these(self, project):
        result = tasks.particular.delay()
        with pytest.raises(tasks.LoginError):
            got(result)  # within WAIT: its pauses would be of 15 minutes

    def test_a_class_says_what_is_retried(self, project):
        result = tasks.class_based.delay()
        assert got(result) == 4
        project.noted("run", result, times=5)


class TestOptions:
    def test_an_expected_error_is_a_failure_and_no_error_in_the_log(self, project):
        result = tasks.get_foo.delay()
        with pytest.raises(KeyError, match="expected of get_foo"):
            got(result)
        poll(lambda: project.is_dead(result), WAIT, "it is in the DLQ")
        lines = [line for line in project.worker.output.splitlines() if result.id in line]
        assert not [line for line in lines if "ERROR" in line]
        assert [line for line in lines if "INFO" in line and "attempt failed" in line]
        assert 'raise KeyError("expected of get_foo")' not in project.worker.output

    def test_a_soft_time_limit_is_raised_in_the_task(self):
        assert got(tasks.tidy.delay()) == [20, 1]

    def test_a_task_that_does_not_catch_it_has_failed(self, project):
        result = tasks.sleepy.apply_async((10,), soft_time_limit=1)
        with pytest.raises(SoftTimeLimitExceeded):
            got(result)
        project.noted("run", result, times=project.attempts)

    @pytest.mark.long
    def test_a_task_beyond_its_hard_time_limit_is_killed_and_has_failed(self, project):
        result = tasks.stubborn.delay()
        with pytest.raises(TimeLimitExceeded):
            got(result)
        project.noted("run", result, times=project.attempts)

    def test_a_result_is_ignored_unless_the_call_wants_it(self, project):
        assert got(tasks.mytask.delay(1, 2)) is None
        assert got(tasks.mytask.apply_async((1, 2), ignore_result=False)) == 3

    def test_an_error_is_stored_where_the_task_wants_it(self, project):
        result = project.app.AsyncResult(tasks.keeping_errors.delay().id)
        with pytest.raises(LookupError, match="it is kept"):
            got(result)

    def test_a_task_that_is_tracked_has_started(self):
        result = tasks.tracked.delay()
        poll(lambda: result.state == states.STARTED, WAIT, "it has started")
        assert result.info.keys() == {"pid", "hostname"}
        assert got(result) is None


class TestStates:
    def test_a_task_has_states_of_its_own(self):
        result = tasks.upload_files.delay(["a", "b"])
        poll(lambda: result.state == "PROGRESS", WAIT, "it is in progress")
        assert result.info["total"] == 2
        assert got(result) == 2

    def test_an_error_is_rebuilt_from_its_arguments(self):
        with pytest.raises(tasks.HttpError) as error:
            got(tasks.failing_http.delay(is_bad=False))
        assert (error.value.status_code, error.value.headers) == (404, {"Server": "ours"})

    def test_an_error_that_cannot_be_pickled_is_a_failure(self, project):
        result = tasks.failing_http.delay(is_bad=True)
        with pytest.raises(Exception, match="404"):
            got(result)
        poll(lambda: project.is_dead(result), WAIT, "it is in the DLQ")


class TestSemipredicates:
    def test_what_is_ignored_may_have_stored_its_result(self):
        assert got(tasks.get_tweets.delay("ada")) == ["a tweet of ada"]

    def test_what_is_rejected_is_a_failure_and_in_the_dlq(self, project):
        result = tasks.render_scene.delay("scene.blend")
        with pytest.raises(Reject):
            got(result)
        assert result.failed()
        poll(lambda: project.is_dead(result), WAIT, "it is in the DLQ")

    def test_what_is_rejected_to_come_again_comes_again(self, project):
        result = tasks.requeues.delay()
        assert got(result) == "received two times"
        project.noted("run", result, times=2)


class TestCustomClasses:
    def test_a_class_is_a_task(self, project):
        authenticate = project.app.tasks["authenticate"]
        assert got(authenticate.delay("george", "password")) is True
        assert got(authenticate.delay("ada", "password")) is False

    def test_a_class_keeps_what_it_opens_in_its_process(self):
        by_process = {}
        for result in [classes.process_rows.delay() for _ in range(10)]:
            process, database = got(result)
            by_process.setdefault(process, set()).add(database)
        assert all(len(databases) == 1 for databases in by_process.values())

    def test_handlers_of_a_success_are_called_in_their_order(self, project):
        result = classes.my_task.delay("x")
        assert got(result) == "x"
        before, run, on_success, after_return = project.noted("hook", result, times=4)
        assert (before["name"], before["args"], before["kwargs"]) == ("before_start", ["x"], {})
        assert run["name"] == "run"
        assert (on_success["name"], on_success["seen"], on_success["retval"]) == ("on_success", states.SUCCESS, "x")
        assert (after_return["name"], after_return["status"]) == ("after_return", states.SUCCESS)

    def test_handlers_of_a_retry_and_a_failure_are_called_in_their_order(self, project):
        result = classes.my_task.delay("x", times=99)
        with pytest.raises(LookupError, match="x"):
            got(result)
        retried = ["before_start", "run", "on_retry"] * (project.attempts - 1)
        failed = ["before_start", "run", "on_failure", "after_return"]
        hooks = project.noted("hook", result, times=len(retried + failed))
        assert [hook["name"] for hook in hooks] == retried + failed
        assert {hook["seen"] for hook in hooks if hook["name"] == "on_retry"} == {states.RETRY}
        assert (hooks[-2]["seen"], hooks[-1]["status"]) == (states.FAILURE, states.FAILURE)


class TestSubtasks:
    def test_a_task_starts_a_chain(self, project):
        stored = project.app.AsyncResult(got(tasks.update_page_info.delay("http://example.com")))
        assert got(stored) == ["info of page of http://example.com", "http://example.com"]

    def test_a_task_does_not_wait_for_another_unless_it_insists(self):
        with pytest.raises(RuntimeError, match=r"Never call result\.get"):
            got(tasks.waiting_for_another.delay())
        assert got(tasks.waiting_for_another.delay(disable_sync_subtasks=False)) == 4
