"""What `celery_sqs.setup` and its settings refuse, each in one line that names it."""

import os

import pytest
from celery import Celery
from celery.bin.base import CLIContext
from click.testing import CliRunner
from kombu import Exchange
from kombu import Queue as KombuQueue
from kombu.common import Broadcast

import celery_sqs
from celery_sqs import Misconfigured, Queue
from celery_sqs.cli import sqs
from celery_sqs.settings import OPTIONS, Settings

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/mail"


@pytest.fixture
def app():
    one = Celery("shop", set_as_current=False)
    yield one
    one.close()


def settings_of(app):
    return Settings.of(app.conf)


WRONG_VALUES = [
    ({"queues": {}}, "sqs_queues"),
    ({"queues": [URL]}, "sqs_queues"),
    ({"queues": {"": URL}}, "sqs_queues"),
    ({"queues": {"mail": 7}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": "mail"}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": {"url": URL, "dlq": URL}}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": ""}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": {"url": None}}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": {"url": URL, 7: URL}}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": Queue(url=URL, dlq_url="dead")}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": "http://[::1/0/mail"}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": f" {URL}"}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": Queue(url=7)}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": Queue(url=URL, dlq_url=7)}}, r"sqs_queues\['mail'\]"),
    ({"queues": {"mail": Queue(url=URL, dlq_url=URL)}}, r"sqs_queues\['mail'\]: dlq_url"),
    ({"queues": {"mail": {"url": URL, "dlq_url": f"{URL}/"}}}, r"sqs_queues\['mail'\]: dlq_url"),
    ({"queues": {"mail": Queue(url=URL, tasks="send_mail")}}, r"sqs_queues\['mail'\]: tasks"),
    ({"queues": {"mail": Queue(url=URL, tasks=[])}}, r"sqs_queues\['mail'\]: tasks"),
    ({"queues": {"mail": {"url": URL, "tasks": ["send_mail", 7]}}}, r"sqs_queues\['mail'\]: tasks"),
    ({"queues": {"mail": {"dlq_url": URL, "tasks": ["send_mail"]}}}, r"sqs_queues\['mail'\]"),
    ({"region": 7}, "sqs_region"),
    ({"region": "not a region"}, "sqs_region"),
    ({"endpoint_url": 7}, "sqs_endpoint_url"),
    ({"endpoint_url": "127.0.0.1:4566"}, "sqs_endpoint_url"),
    ({"endpoint_url": "http://"}, "sqs_endpoint_url"),
    ({"endpoint_url": "http://127.0.0.1:xx"}, "sqs_endpoint_url"),
    ({"access_key": "key"}, "sqs_access_key"),
    ({"access_key": ("", "")}, "sqs_access_key"),
    ({"default_task": 7}, "sqs_default_task"),
    ({"send_timeout": 0}, "sqs_send_timeout"),
    ({"send_timeout": "5"}, "sqs_send_timeout"),
    ({"send_timeout": True}, "sqs_send_timeout"),
    ({"send_timeout": float("inf")}, "sqs_send_timeout"),
    ({"health_port": 70_000}, "sqs_health_port"),
    ({"queues": {"mail": {"url": URL, "envelope": "SNS"}}}, r"sqs_queues\['mail'\]: envelope"),
    ({"queues": {"mail": {"url": URL, "envelope": ["sns", None]}}}, r"sqs_queues\['mail'\]: envelope"),
    ({"health_port": 80.5}, "sqs_health_port"),
    ({"preflight": "maybe"}, "sqs_preflight"),
    ({"preflight": ["refuse"]}, "sqs_preflight"),
    ({"monitor_events": "no"}, "sqs_monitor_events"),
    ({"purge_allowed": "yes"}, "sqs_purge_allowed"),
    ({"monitor_retention_days": "7"}, "sqs_monitor_retention_days"),
    ({"monitor_revoke": "no"}, "sqs_monitor_revoke"),
    ({"monitor_retention_days": float("inf")}, "sqs_monitor_retention_days"),
    ({"monitor_retention_days": -1}, "sqs_monitor_retention_days"),
    ({"send_timeout": -1}, "sqs_send_timeout"),
    ({"health_host": 7}, "sqs_health_host"),
    ({"health_port": -1}, "sqs_health_port"),
    ({"health_port": "8080"}, "sqs_health_port"),
    ({"monitor_database": 7}, "sqs_monitor_database"),
    ({"monitor_database": "ada:the-secret@shop"}, "sqs_monitor_database"),
]
WRONG = pytest.mark.parametrize(("settings", "names"), WRONG_VALUES, ids=repr)


@WRONG
def test_a_wrong_value_is_refused_by_setup_in_one_line_that_names_it(app, settings, names):
    with pytest.raises(Misconfigured, match=f"^{names}: ") as raised:
        celery_sqs.setup(app, **{"queues": {"mail": URL}} | settings)
    assert "\n" not in str(raised.value)
    assert "the-secret" not in str(raised.value)


@WRONG
def test_a_wrong_value_of_the_configuration_is_one_line_that_names_it(app, settings, names):
    celery_sqs.setup(app)
    app.conf.update({f"sqs_{name}": value for name, value in ({"queues": {"mail": URL}} | settings).items()})
    for _ in range(2):  # and not only the first time
        with pytest.raises(Misconfigured, match=f"^{names}: ") as raised:
            settings_of(app)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("queue", "wrong"),
    [
        ("", "'' is no URL of a queue"),
        ({"url": ""}, "'' is no URL of a queue"),
        ({"url": URL, "task": ["send_mail"]}, "there is no key 'task'; there are dlq_url, envelope, tasks, url"),
        ({"tasks": ["send_mail"]}, "there is no url in {'tasks': ['send_mail']}"),
    ],
    ids=repr,
)
def test_what_is_wrong_about_a_queue_is_said(app, queue, wrong):
    with pytest.raises(Misconfigured) as raised:
        celery_sqs.setup(app, queues={"mail": queue})
    assert str(raised.value) == f"sqs_queues['mail']: {wrong}"


def test_each_setting_has_a_wrong_value_here():
    assert {f"sqs_{name}" for settings, _ in WRONG_VALUES for name in settings} == set(OPTIONS)


def test_no_queues_at_all_is_one_line_that_says_what_to_give(app):
    celery_sqs.setup(app)
    with pytest.raises(Misconfigured, match=r'^sqs_queues: not set. Give {"name": "https://'):
        app.connection_for_write()


def test_a_result_backend_that_needs_a_queue_for_each_caller_is_refused(app):
    app.conf.result_backend = "rpc://"
    celery_sqs.setup(app, queues={"mail": URL})
    with pytest.raises(Misconfigured, match=r"^result_backend: rpc:// needs a queue for each caller"):
        app.send_task("send_mail")


@pytest.mark.parametrize("name", ["task_send_sent_event", "worker_send_task_events"])
def test_a_setting_that_asks_for_events_needs_the_monitor(app, name):
    celery_sqs.setup(app, queues={"mail": URL})
    app.conf[name] = True
    with pytest.raises(Misconfigured, match=rf"^{name}: events go through sqs_monitor_database, which is not set"):
        settings_of(app)
    app.conf.sqs_monitor_database = "sqlite://"
    settings_of(app)


OTHER = "https://sqs.us-west-2.amazonaws.com/123456789012/other"


@pytest.mark.parametrize(
    ("queues", "region", "refusal"),
    [
        ({"mail": URL}, "us-east-1", f"sqs_queues: {URL} is in eu-central-1, and sqs_region is us-east-1"),
        ({"mail": {"url": URL, "dlq_url": OTHER}}, None, f"sqs_queues: {OTHER} is in us-west-2, and the first"),
        (
            {"a": URL, "b": OTHER},
            None,
            f"sqs_queues: {OTHER} is in us-west-2, and the first queue's region is eu-",
        ),
    ],
)
def test_a_queue_in_another_region_is_one_line_that_names_both(app, queues, region, refusal):
    celery_sqs.setup(app, queues=queues, region=region)
    ended = CliRunner().invoke(sqs, ["preflight"], obj=CLIContext(app=app, no_color=True, workdir=None))
    assert ended.exit_code == os.EX_CONFIG
    assert ended.output.startswith(f"Error: {refusal}")
    assert ended.output.count("\n") == 1


def test_a_misspelt_key_of_the_configuration_is_one_line_that_names_it(app):
    celery_sqs.setup(app, queues={"mail": URL})
    app.conf.sqs_send_timout = 3
    with pytest.raises(Misconfigured, match=r"^sqs_send_timout: there is no such setting"):
        settings_of(app)


def test_a_secret_is_in_no_error_and_no_repr_and_not_in_celery_report_or_inspect_conf(app):
    celery_sqs.setup(app, queues={"mail": URL}, access_key=("key", "the-secret"), monitor_database=None)
    assert "the-secret" not in repr(settings_of(app))
    assert "the-secret" not in app.bugreport()
    assert "the-secret" not in repr(app.conf.table(with_defaults=True, censored=True))


@pytest.mark.parametrize(
    ("exchange", "options"),
    [
        ("media", {"exchange": "media", "routing_key": "mail"}),
        ("media", {"queue": KombuQueue("mail", Exchange("media", "topic"), "media.#")}),
        ("mail", {"queue": Broadcast("mail")}),
    ],
)
def test_a_call_to_an_exchange_raises_and_is_not_lost_without_a_word(app, exchange, options):
    celery_sqs.setup(app, queues={"mail": URL}, access_key=("key", "secret"))
    with pytest.raises(celery_sqs.Unsendable, match=f"^exchange {exchange!r}: SQS has no exchanges"):
        app.send_task("send_mail", **options)


def test_a_call_to_a_queue_that_is_not_set_up_names_it(app):
    celery_sqs.setup(app, queues={"mail": URL}, access_key=("key", "secret"))
    with pytest.raises(Misconfigured, match=r"^sqs_queues: there is no queue 'nowhere'; there are mail"):
        app.send_task("send_mail", queue="nowhere")


def test_without_any_region_the_setting_is_named(app, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    celery_sqs.setup(app, queues={"mail": "http://127.0.0.1:4566/000000000000/mail"})
    with pytest.raises(Misconfigured, match=r"^sqs_region: "):
        settings_of(app)


@pytest.mark.parametrize("url", ["redis://127.0.0.1", "amqp://guest@127.0.0.1//"])
def test_another_broker_is_refused(app, url):
    app.conf.broker_url = url
    celery_sqs.setup(app, queues={"mail": URL})
    with pytest.raises(Misconfigured, match=r"^broker_url: "):
        settings_of(app)


def test_an_argument_that_is_no_setting_is_refused_at_once(app):
    with pytest.raises(Misconfigured, match="visibility_timeout"):
        celery_sqs.setup(app, queues={"mail": URL}, visibility_timeout=30)


def test_an_app_that_has_tasks_already_is_refused_at_once(app):
    @app.task(name="early", shared=False, lazy=False)
    def early():
        """It has Celery's own class."""

    with pytest.raises(Misconfigured, match="before the app's first task"):
        celery_sqs.setup(app, queues={"mail": URL})
