"""The DLQ and the hooks of tasks: any business is served by them, and a hook that misbehaves hides no message."""

import json
import logging

import pytest
from celery import Celery
from sqlalchemy import event

from celery_sqs.dlq import DryRun
from celery_sqs.dlq.hooks import CHUNK, TaskHooks
from celery_sqs.tasks.decision import MAX_LONG
from celery_sqs.tasks.task import SQSTask
from tasks.orders import engine_of
from tests.dead_orders import a_dead_message, make_celery, order_body

REFUSED = DryRun(accepted=False, why="the address is unknown")


class MailTask(SQSTask):
    """Base of a task about addresses: it knows which mails have been sent."""

    abstract = True

    sent = frozenset({"ada@example.com"})

    def __init__(self):
        self.asked = []

    def subject(self, mail):
        return mail["to"]

    def dry_run(self, calls):
        self.asked.append(len(calls))
        return [REFUSED for _ in calls]

    def are_done(self, calls):
        self.asked.append(len(calls))
        return [call.args[0]["to"] in self.sent for call in calls]


@pytest.fixture
def app():
    celery = Celery("mails", set_as_current=False)
    celery.conf.sqs_default_task = "send_mail"
    celery.task(_do_nothing, base=MailTask, name="send_mail", shared=False)
    celery.task(_do_nothing, base=SQSTask, name="plain", shared=False)
    celery.task(_do_nothing, name="celerys", shared=False)
    yield celery
    celery.close()


@pytest.fixture
def hooks(app):
    return TaskHooks(app)


@pytest.fixture
def task(app):
    return app.tasks["send_mail"]


def mail(number=1, to="ada@example.com", **attributes):
    return a_dead_message('{"to": "' + to + '"}', number, **attributes)


def decoded(hooks, message):
    return hooks.decode(message.message_id, message.body, message.attributes)


class TestSubject:
    def test_it_is_what_the_task_says(self, hooks):
        assert hooks.subject(decoded(hooks, mail())) == "ada@example.com"

    def test_of_an_unknown_task_the_default_task_says_it(self, hooks):
        assert hooks.subject(decoded(hooks, mail(celery_task="of another version"))) == "ada@example.com"

    @pytest.mark.parametrize("task", ["plain", "celerys"])
    def test_a_task_without_the_hook_says_nothing(self, hooks, task):
        assert hooks.subject(decoded(hooks, mail(celery_task=task))) is None

    @pytest.mark.parametrize(
        ("body", "error"), [('{"no": "address"}', "KeyError"), ('{"to": 7}', "TypeError")], ids=["raises", "no text"]
    )
    def test_a_hook_that_misbehaves_leaves_it_open_and_is_logged(self, hooks, caplog, body, error):
        with caplog.at_level(logging.ERROR):
            assert hooks.subject(decoded(hooks, a_dead_message(body))) is None
        assert error in caplog.text

    def test_an_argument_that_a_hook_does_not_know_is_not_logged_whole(self, hooks, caplog):
        body = json.dumps([[], {"x" * 900_000: 1}, {}])
        assert hooks.subject(decoded(hooks, a_dead_message(body, celery_task="send_mail"))) is None
        [line] = caplog.records
        assert len(logging.Formatter().format(line)) < MAX_LONG + 200

    def test_it_is_cut_to_what_the_column_holds(self, hooks):
        assert hooks.subject(decoded(hooks, mail(to="x" * 1000))) == "x" * 255


class TestDryRun:
    def test_the_task_answers(self, hooks):
        assert hooks.dry_run([mail()]) == [REFUSED]

    @pytest.mark.parametrize("task", ["plain", "celerys"])
    def test_a_task_without_the_hook_leaves_it_to_the_run(self, hooks, task):
        [answer] = hooks.dry_run([mail(celery_task=task)])
        assert (answer.accepted, answer.why) == (True, "would be run; only the run itself shows whether it succeeds")

    def test_each_task_is_asked_about_its_own_calls_in_chunks(self, hooks, task):
        messages = [mail(number, celery_task="plain" if number % 2 else "send_mail") for number in range(2 * CHUNK + 2)]
        answers = hooks.dry_run(messages)
        assert [answer is REFUSED for answer in answers] == [number % 2 == 0 for number in range(len(messages))]
        assert task.asked == [CHUNK // 2, CHUNK // 2, 1]

    def test_a_task_that_does_not_answer_for_each_call_is_named(self, hooks, task):
        task.dry_run = lambda calls: []
        with pytest.raises(TypeError, match="send_mail answered 0 of 1 calls"):
            hooks.dry_run([mail()])

    def test_a_task_that_the_queue_does_not_list_is_not_asked(self, app, task):
        [answer] = TaskHooks(app, ["plain"]).dry_run([mail()])
        assert (answer.accepted, answer.why) == (False, "the queue does not list the task 'send_mail'")
        assert task.asked == []


class TestAreDone:
    def test_the_task_answers_and_one_without_the_hook_does_not_know(self, hooks):
        messages = [mail(), mail(to="bob@example.com"), mail(celery_task="plain"), a_dead_message("poison")]
        assert hooks.are_done([decoded(hooks, message) for message in messages]) == [True, False, None, None]


def test_five_hundred_orders_are_tried_by_one_statement(engine):
    app = make_celery(engine)
    hooks, statements = TaskHooks(app), []
    messages = [a_dead_message(order_body(), number) for number in range(CHUNK)]
    tasks_engine = engine_of(app.conf.database_url)
    event.listen(tasks_engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert all(answer.accepted for answer in hooks.dry_run(messages))
    assert len(statements) == 1


def _do_nothing(*args):
    """No task here runs."""
