"""`celery sqs preflight` and `celery sqs queues` on a real SQS: what they print, and how they end."""

import json
import os

import pytest
from celery import Celery
from celery.bin.base import CLIContext
from click.testing import CliRunner

import celery_sqs
from celery_sqs.cli import sqs
from config.queues import ORDER_QUEUE
from tasks.application import create_celery
from tests.conftest import make_settings
from tests.emulator import Queues
from tests.processes import free_port


@pytest.fixture
def good(emulator):
    """Queues with all of the house's numbers."""
    both = Queues.fresh(emulator, ORDER_QUEUE.visibility_timeout, ORDER_QUEUE.receive_wait)
    yield both
    both.delete()


def preflight(queue_url, dlq_url=None):
    """Run the command as with these settings; returns its exit code and what it printed."""
    ended = run("preflight", queue_url=queue_url, dlq_url=dlq_url)
    return ended.exit_code, ended.output


def run(*arguments, queue_url, dlq_url=None):
    endpoint = queue_url.rsplit("/", 2)[0]
    app = create_celery(make_settings(sqs_endpoint=endpoint, sqs_queue_url=queue_url, sqs_dlq_url=dlq_url))
    return CliRunner().invoke(sqs, arguments, obj=CLIContext(app=app, no_color=True, workdir=None))


def name_of(url):
    return url.rsplit("/", 1)[-1]


@pytest.mark.parametrize("named", [True, False])
def test_queues_with_the_numbers_of_the_house_pass_and_their_time_line_is_told(good, named):
    code, output = preflight(good.url, good.dlq_url if named else None)
    assert code == 0, output
    assert output.startswith(f"{name_of(good.url)} -> {name_of(good.dlq_url)}\n")
    for number in (
        "3 attempts (maxReceiveCount)",
        "backoff_base 1 s",
        "backoff_cap 60 s",
        "15 s (task_soft_time_limit)",
        "20 s (task_time_limit)",
        "30 s (VisibilityTimeout)",
        "1 day in the queue, 14 days in the DLQ",
    ):
        assert number in output


def test_a_number_that_contradicts_another_fails_and_is_named_below_the_time_line(good):
    good.hide_for(10)
    code, output = preflight(good.url, good.dlq_url)
    assert code == 1
    assert output.splitlines()[0] == f"{name_of(good.url)} -> {name_of(good.dlq_url)}"
    assert output.splitlines()[-1].startswith(f"{name_of(good.url)} has VisibilityTimeout 10 s")


def test_a_queue_without_a_redrive_policy_fails(good):
    # The emulator takes no policy away from a queue; a DLQ is one that never had any.
    code, output = preflight(good.dlq_url, f"{good.dlq_url}-of-others")
    assert code == 1
    assert f"{name_of(good.dlq_url)} has no RedrivePolicy" in output


def test_a_dlq_that_has_been_deleted_fails(good):
    good.sqs.delete_queue(QueueUrl=good.dlq_url)
    code, output = preflight(good.url, good.dlq_url)
    good.sqs.create_queue(QueueName=name_of(good.dlq_url))  # for the end of the test
    assert code == 1
    assert f"{name_of(good.dlq_url)}, which does not exist" in output


def test_another_dlq_than_the_settings_name_fails(good):
    code, output = preflight(good.url, f"{good.dlq_url}-of-others")
    assert code == 1
    assert "-of-others as the DLQ" in output


def test_a_dlq_with_a_redrive_policy_of_its_own_fails(good):
    [arn] = good.sqs.get_queue_attributes(QueueUrl=good.url, AttributeNames=["QueueArn"])["Attributes"].values()
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 9})
    good.sqs.set_queue_attributes(QueueUrl=good.dlq_url, Attributes={"RedrivePolicy": policy})
    code, output = preflight(good.url, good.dlq_url)
    assert code == 1
    assert f"{name_of(good.dlq_url)} is a DLQ with a RedrivePolicy of its own, maxReceiveCount 9" in output


def test_a_queue_that_does_not_exist_fails(emulator):
    url = f"{emulator.url}/000000000000/nobody-made-this-one"
    assert preflight(url) == (1, f"There is no queue at {url}: create it, or correct the URL.\n")


def test_an_sqs_that_nobody_runs_is_out_of_reach():
    url = f"http://127.0.0.1:{free_port()}/000000000000/orders"
    code, output = preflight(url)
    assert code == 2
    assert output.startswith(f"preflight: GetQueueAttributes {url}: ")
    assert output.count("\n") == 1


def test_the_queues_are_shown_with_every_attribute_and_the_time_line(good):
    ended = run("queues", queue_url=good.url, dlq_url=good.dlq_url)
    assert ended.exit_code == 0
    for line in (good.url, good.dlq_url, "VisibilityTimeout ", "RedriveAllowPolicy ", "3 attempts (maxReceiveCount)"):
        assert line in ended.output


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_queues_that_contradict_the_settings_fail_and_are_shown_all_the_same(good, options):
    good.hide_for(10)
    ended = run("queues", *options, queue_url=good.url, dlq_url=good.dlq_url)
    assert ended.exit_code == 1
    assert f"{name_of(good.url)} has VisibilityTimeout 10 s" in ended.output
    assert "RedriveAllowPolicy" in ended.output


def test_the_queues_are_shown_as_one_json_document(good):
    document = json.loads(run("queues", "--json", queue_url=good.url).stdout)
    shown = document[name_of(good.url)]
    names = {attribute["name"] for attribute in shown["dlq"]["attributes"]}
    answer = good.sqs.get_queue_attributes(QueueUrl=good.dlq_url, AttributeNames=["All"])
    assert names == set(answer["Attributes"])
    assert shown["timeline"]
    assert shown["contradictions"] == []


def test_a_terminal_obeys_nothing_that_an_attribute_says(good):
    policy = json.dumps({"Version": "2012-10-17", "Id": "\x1b[2J", "Statement": []})
    good.sqs.set_queue_attributes(QueueUrl=good.url, Attributes={"Policy": policy.replace("\\u001b", "\x1b")})
    assert "\x1b" not in run("queues", queue_url=good.url).output


def test_queues_of_an_sqs_that_nobody_runs_are_one_line(emulator):
    ended = run("queues", queue_url=f"http://127.0.0.1:{free_port()}/000000000000/orders")
    assert ended.exit_code == 2
    assert ended.output.startswith("queues: GetQueueAttributes ")
    assert ended.output.count("\n") == 1


@pytest.mark.parametrize("command", ["preflight", "queues"])
def test_a_queue_that_the_app_has_not_is_named(good, command):
    ended = run(command, "nobodys", queue_url=good.url)
    assert ended.exit_code == 2
    assert f"the app has no queue 'nobodys'; it has {name_of(good.url)}" in ended.output


def test_a_setting_that_is_wrong_is_one_line(good):
    app = Celery("shop", set_as_current=False)
    celery_sqs.setup(app, queues={"mail": good.url}, region="us-east-1")
    app.conf.sqs_send_timeout = 0
    ended = preflight_of(app)
    assert ended.exit_code == os.EX_CONFIG
    assert ended.output == "Error: sqs_send_timeout: 0 is not a number of seconds, above 0 and up to a day\n"


@pytest.mark.parametrize(("listed", "code"), [(["jobs.send"], 0), (["jobs.send", "jobs.sent"], 1)])
def test_a_task_that_a_queue_lists_and_the_app_has_not_is_named(good, listed, code):
    app = listing(good, listed)
    define(app, "jobs.send")
    ended = preflight_of(app)
    assert ended.exit_code == code, ended.output
    assert ("mail lists the task 'jobs.sent', which this app does not have" in ended.output) == bool(code)


def test_a_listed_task_may_be_in_a_module_that_a_worker_loads_at_its_start(good):
    app = listing(good, ["jobs.send"])
    app.autodiscover_tasks(lambda: define(app, "jobs.send"))
    ended = preflight_of(app)
    assert ended.exit_code == 0, ended.output


def listing(queues, tasks):
    """An app whose queue lists these tasks."""
    app = Celery("shop", set_as_current=False)
    celery_sqs.setup(
        app,
        queues={"mail": celery_sqs.Queue(url=queues.url, tasks=tasks)},
        region="us-east-1",
        endpoint_url=queues.url.rsplit("/", 2)[0],
        access_key=("test", "test"),
    )
    return app


def define(app, name):
    """Give the app a task; returns the packages that may have others."""
    app.task(name=name, shared=False)(_do_nothing)
    return []


def preflight_of(app):
    return CliRunner().invoke(sqs, ["preflight"], obj=CLIContext(app=app, no_color=True, workdir=None))


def _do_nothing():
    """Nobody runs it."""
