"""`celery_sqs.setup`: what a Celery app is on SQS, whenever and under whatever names its configuration comes."""

import os

import pytest
from celery import Celery
from celery.bin.base import CLIContext
from celery.bin.control import status
from click.testing import CliRunner

import celery_sqs
from celery_sqs import Queue, SQSTask
from celery_sqs.consume.transport import Transport
from celery_sqs.monitor.control import Control
from celery_sqs.monitor.dispatcher import Events
from celery_sqs.publish.amqp import SETTINGS
from celery_sqs.settings import Settings
from celery_sqs.worker.consumer import Consumer

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/mail"


@pytest.fixture
def app():
    one = Celery("shop", set_as_current=False)
    yield one
    one.close()


def settings_of(app):
    return Settings.of(app.conf)


@pytest.mark.parametrize("read_before_setup", [False, True])
def test_configuration_may_come_after_it_has_been_read_and_again(app, read_before_setup):
    if read_before_setup:
        assert app.conf.task_default_queue == "celery"
    celery_sqs.setup(app, queues={"mail": URL}, health_port=8080)
    assert app.conf.task_default_queue == "mail"
    for seconds in (2.5, 3.5):
        app.config_from_object({"sqs_send_timeout": seconds, "task_time_limit": 60})
        settings = settings_of(app)
        assert (settings.send_timeout, settings.health_port) == (seconds, 8080)
        assert settings.endpoint.region == "eu-central-1"
        assert (app.conf.task_default_queue, app.conf.task_time_limit) == ("mail", 60)
        assert isinstance(app.connection_for_write().transport, Transport)
        assert "exact-json" in app.conf.accept_content


def test_a_name_and_a_url_are_all_it_needs(app):
    celery_sqs.setup(app, queues={"mail": URL})
    settings = settings_of(app)
    assert settings.queues == {"mail": Queue(url=URL)}
    assert settings.endpoint.region == "eu-central-1"
    assert app.conf.task_default_queue == "mail"
    assert app.conf.task_soft_time_limit is None
    assert app.conf.task_time_limit is None


def test_it_returns_the_app(app):
    assert celery_sqs.setup(app, queues={"mail": URL}) is app


def test_a_task_that_names_no_class_has_ours(app):
    celery_sqs.setup(app, queues={"mail": URL})

    @app.task(name="send_mail", shared=False)
    def send_mail(address):
        return address

    assert isinstance(app.tasks["send_mail"], SQSTask)
    assert isinstance(app.tasks["celery.chord_unlock"], SQSTask)


class DatabaseTask(SQSTask):
    abstract = True


@pytest.mark.parametrize("given", [DatabaseTask, f"{__name__}:DatabaseTask"], ids=["class", "path"])
def test_the_class_that_an_app_has_for_all_its_tasks_stays(given):
    app = Celery("shop", task_cls=given, set_as_current=False)
    celery_sqs.setup(app, queues={"mail": URL})
    assert isinstance(app.tasks["celery.chord_unlock"], DatabaseTask)
    app.close()


def test_transport_consumer_and_serializers_are_ours(app):
    celery_sqs.setup(app, queues={"mail": URL})
    connection = app.connection_for_write()
    assert isinstance(connection.transport, Transport)
    assert connection.transport_options[SETTINGS] == settings_of(app)
    assert app.conf.worker_consumer == f"{Consumer.__module__}:Consumer"
    assert app.conf.task_serializer == "json"
    assert set(app.conf.accept_content) == {"exact-json", "exact-kombu-json", "json"}
    assert app.conf.result_serializer == "json"


def test_nothing_is_read_before_it_is_needed(app):
    celery_sqs.setup(app, queues={"mail": URL})
    assert not app.configured


def test_configuration_may_come_later(app):
    celery_sqs.setup(app)
    app.conf.sqs_queues = {"mail": URL}
    app.config_from_object({"sqs_send_timeout": 2.5, "task_time_limit": 60})
    assert settings_of(app).send_timeout == 2.5
    assert app.conf.task_default_queue == "mail"
    assert app.conf.task_time_limit == 60


def test_configuration_may_have_a_namespace_as_djangos_has(app):
    class DjangoSettings:
        CELERY_SQS_QUEUES = {  # noqa: RUF012
            "mail": URL,
            "bulk": {"url": f"{URL}-bulk", "dlq_url": f"{URL}-dead"},
            "jobs": {"url": f"{URL}-jobs", "tasks": ["shop.pack"]},
        }
        CELERY_SQS_HEALTH_PORT = 8080
        CELERY_WORKER_PREFETCH_MULTIPLIER = 7
        CELERY_ACCEPT_CONTENT = ("yaml",)

    app.config_from_object(DjangoSettings, namespace="CELERY")
    celery_sqs.setup(app)
    settings = settings_of(app)
    assert settings.queues == {
        "mail": Queue(url=URL),
        "bulk": Queue(url=f"{URL}-bulk", dlq_url=f"{URL}-dead"),
        "jobs": Queue(url=f"{URL}-jobs", tasks=["shop.pack"]),
    }
    assert settings.health_port == 8080
    assert app.conf.worker_prefetch_multiplier == 7
    assert app.conf.accept_content == ["exact-json", "exact-kombu-json", "json", "yaml"]


def test_an_app_that_is_configured_already_is_set_up_as_well(app):
    app.conf.task_time_limit = 60
    assert app.conf.task_time_limit == 60
    assert app.configured
    celery_sqs.setup(app, queues={"mail": URL})
    assert app.conf.task_default_queue == "mail"
    assert isinstance(app.connection_for_write().transport, Transport)


def test_an_argument_comes_before_the_apps_configuration(app):
    app.config_from_object({"sqs_send_timeout": 2.5, "sqs_health_port": 8080})
    celery_sqs.setup(app, queues={"mail": URL}, send_timeout=9.0)
    settings = settings_of(app)
    assert (settings.send_timeout, settings.health_port) == (9.0, 8080)


def test_the_apps_own_choice_of_a_default_queue_stands(app):
    app.conf.task_default_queue = "bulk"
    celery_sqs.setup(app, queues={"mail": URL, "bulk": f"{URL}-bulk"})
    assert app.conf.task_default_queue == "bulk"


@pytest.mark.parametrize("late", [False, True])
def test_with_a_database_control_and_events_are_the_monitors(app, late):
    if late:
        celery_sqs.setup(app, queues={"mail": URL})
        app.conf.sqs_monitor_database = "sqlite://"
    else:
        celery_sqs.setup(app, queues={"mail": URL}, monitor_database="sqlite://")
    assert isinstance(app.control, Control)  # asked for first: nothing has read the configuration yet
    assert isinstance(app.events, Events)
    assert app.conf.worker_send_task_events
    assert "celery_sqs.monitor.steps:Monitoring" in app.steps["consumer"]


def test_without_a_database_celery_status_is_one_line_that_names_the_missing_setting(app):
    celery_sqs.setup(app, queues={"mail": URL})
    ended = CliRunner().invoke(status, obj=CLIContext(app=app, no_color=True, workdir=None))
    assert ended.exit_code == os.EX_CONFIG
    assert ended.output == "Error: ping reaches no worker: sqs_monitor_database is not set, and SQS has no broadcast\n"


def test_without_a_database_no_event_is_sent_and_none_is_kept(app):
    celery_sqs.setup(app, queues={"mail": URL}, access_key=("key", "secret"))
    assert not app.conf.worker_send_task_events
    # As a worker makes it for its heartbeats, and `send_task` for its own.
    dispatcher = app.events.Dispatcher(app.connection_for_write(), enabled=True, groups=["worker"])
    dispatcher.send("worker-heartbeat")
    dispatcher.publish("task-sent", {}, app.amqp.Producer(app.connection_for_write()))
    assert not dispatcher.enabled
    assert not dispatcher._outbound_buffer


@pytest.mark.parametrize(
    ("url", "region"),
    [
        (URL, "eu-central-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/mail", "cn-north-1"),
        ("https://us-west-2.queue.amazonaws.com/123456789012/mail", "us-west-2"),
        ("https://sqs-fips.us-east-2.amazonaws.com/123456789012/mail", "us-east-2"),
        ("https://sqs.eu-west-3.api.aws/123456789012/mail", "eu-west-3"),
        ("https://sqs.cn-north-1.api.amazonwebservices.com.cn/123456789012/mail", "cn-north-1"),
        ("https://vpce-0a1b-2c3d.sqs.eu-west-2.vpce.amazonaws.com/123456789012/mail", "eu-west-2"),
    ],
)
def test_the_region_is_that_of_the_queues_url(app, url, region):
    celery_sqs.setup(app, queues={"mail": url})
    assert settings_of(app).endpoint.region == region


@pytest.mark.parametrize("envelope", ["sns", ["sns", "eventbridge"], lambda body, attributes: (body, attributes)])
def test_a_queue_may_have_an_envelope(app, envelope):
    celery_sqs.setup(app, queues={"mail": {"url": URL, "envelope": envelope}})
    assert settings_of(app).at(URL).envelope == envelope
    assert settings_of(app).at(f"{URL}-other").envelope is None


@pytest.mark.parametrize("variable", ["AWS_DEFAULT_REGION", "AWS_REGION"])
def test_without_one_in_the_url_it_is_that_of_the_environment(app, monkeypatch, variable):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv(variable, "eu-west-3")
    celery_sqs.setup(app, queues={"mail": "http://127.0.0.1:4566/000000000000/mail"})
    assert settings_of(app).endpoint.region == "eu-west-3"
