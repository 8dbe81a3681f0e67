"""kombu's options and the broker's URL: each is honoured, or refused in one line that names it."""

import traceback

import pytest
from celery import Celery

import celery_sqs
from celery_sqs import Misconfigured
from celery_sqs.kombu_options import OF_CONNECTION, REFUSED, REFUSED_OF_QUEUE
from celery_sqs.settings import Settings
from celery_sqs.worker.limits import Limits

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/mail"
KEYS = {"access_key_id": "key", "secret_access_key": "the-secret"}


@pytest.fixture
def app():
    one = Celery("shop", set_as_current=False)
    yield one
    one.close()


def settings_of(app, broker_url=None, settings=None, queues=(("mail", URL),), **options):
    """The settings of an app that is configured in kombu's way."""
    celery_sqs.setup(app, queues=dict(queues) or None, **(settings or {}))
    app.config_from_object({"broker_url": broker_url or "sqs://", "broker_transport_options": options})
    return Settings.of(app.conf)


def test_the_region_is_that_of_the_option(app):
    queues = {"mail": "http://127.0.0.1:4566/000000000000/mail"}
    assert settings_of(app, region="eu-west-3", queues=queues).endpoint.region == "eu-west-3"


def test_predefined_queues_are_the_queues_where_none_are_set(app):
    named = {"bulk": {"url": f"{URL}-bulk", **KEYS, "region": "eu-central-1"}, "celery": {"url": URL, **KEYS}}
    named["celery"]["region"] = "eu-central-1"
    settings = settings_of(app, queues=(), predefined_queues=named)
    assert settings.queue("bulk").url == f"{URL}-bulk"
    assert settings.default_queue == app.conf.task_default_queue == "celery"
    assert settings.endpoint.credentials == ("key", "the-secret")
    assert settings.endpoint.region == "eu-central-1"


@pytest.mark.parametrize(
    ("url", "options", "endpoint"),
    [
        ("sqs://K:S@127.0.0.1:4566", {}, "http://127.0.0.1:4566"),
        ("sqs://K:S@127.0.0.1:4566", {"is_secure": False}, "http://127.0.0.1:4566"),
        ("sqs://vpce.example.com", {"is_secure": True}, "https://vpce.example.com"),
        ("sqs://vpce.example.com//", {"is_secure": True, "port": 443}, "https://vpce.example.com:443"),
        ("sqs://[::1]:4566", {}, "http://[::1]:4566"),
        ("sqs://K:S@", {"is_secure": True}, None),
    ],
)
def test_host_and_port_of_the_url_are_the_endpoint(app, url, options, endpoint):
    assert settings_of(app, url, **options).endpoint.url == endpoint


def test_the_access_key_of_the_url_is_decoded(app):
    assert settings_of(app, "sqs://AK%2FIA:se%2Fcr%2Bet+@").endpoint.credentials == ("AK/IA", "se/cr+et+")


def test_the_same_may_be_said_twice(app):
    both = {"access_key": ["key", "secret"], "endpoint_url": "http://127.0.0.1:4566/", "region": "eu-central-1"}
    queues = {"mail": {"url": URL}}
    settings = settings_of(
        app, "sqs://key:secret@127.0.0.1:4566", both, region="eu-central-1", predefined_queues=queues
    )
    assert settings.endpoint.credentials == ("key", "secret")


def test_no_connection_and_no_report_shows_an_access_key(app):
    settings_of(app, "sqs://THEKEY:the-secret@127.0.0.1:4566")
    connection = app.connection_for_write()
    assert "the-secret" not in app.bugreport() + repr(connection.info()) + connection.as_uri(include_password=True)
    assert "THEKEY" not in repr(connection.info()) + connection.as_uri(include_password=True)


@pytest.mark.parametrize(
    "url",
    [
        "sqs://THEKEY:the-secret/1@127.0.0.1:4566",  # a slash that is not encoded
        "sqs://THEKEY:12/the-secret@127.0.0.1:4566",
        "sqs://THEKEY:the-secret#1@127.0.0.1",
        "sqs://THEKEY:@127.0.0.1",
        "sqs://127.0.0.1?region=the-secret",
        "THEKEY:the-secret@127.0.0.1",
        ["sqs://THEKEY:the-secret@127.0.0.1"],
        "sqs://THEKEY:the-secret@127.0.0.1;sqs://THEKEY:the-secret@127.0.0.2",
    ],
)
def test_a_url_that_is_not_understood_is_refused_without_its_secret(app, url):
    with pytest.raises(Misconfigured, match=r"^broker_url: ") as raised:
        settings_of(app, url)
    text = "".join(traceback.format_exception(raised.value))
    assert "the-secret" not in text
    assert "thekey" not in str(raised.value).lower()


@pytest.mark.parametrize("name", ["broker_read_url", "broker_write_url"])
def test_another_url_for_one_direction_is_refused(app, name):
    celery_sqs.setup(app, queues={"mail": URL})
    app.conf[name] = "sqs://127.0.0.1:4566"
    with pytest.raises(Misconfigured, match="broker_read_url, broker_write_url: "):
        Settings.of(app.conf)


def test_an_access_key_in_parts_is_refused(app):
    celery_sqs.setup(app, queues={"mail": URL})
    app.conf.broker_password = "the-secret"
    with pytest.raises(Misconfigured, match="broker_password: not taken") as raised:
        Settings.of(app.conf)
    assert "the-secret" not in str(raised.value)


@pytest.mark.parametrize(("name", "instead"), REFUSED.items())
def test_an_option_that_is_not_taken_is_refused_with_what_to_use_instead(app, name, instead):
    with pytest.raises(Misconfigured) as raised:
        settings_of(app, **{name: {"asks": "for something"}})
    assert str(raised.value) == f"broker_transport_options: {name} is not taken: {instead}"


@pytest.mark.parametrize("name", REFUSED)
def test_an_option_that_asks_for_nothing_is_taken(app, name):
    settings_of(app, **{name: None})


@pytest.mark.parametrize(("name", "instead"), REFUSED_OF_QUEUE.items())
def test_a_key_of_a_predefined_queue_that_is_not_taken_is_refused(app, name, instead):
    with pytest.raises(Misconfigured, match=rf"predefined_queues\['mail'\]: {name} is not taken: {instead}"):
        settings_of(app, queues=(), predefined_queues={"mail": {"url": URL, name: {1: 2}}})


@pytest.mark.parametrize("name", sorted(OF_CONNECTION))
def test_an_option_of_kombus_connection_goes_to_kombu(app, name):
    settings_of(app, **{name: 7})
    assert app.connection_for_write().transport_options[name] == 7


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"wait_time_second": 20}, "there is no option 'wait_time_second'; there is wait_time_seconds"),
        ({"no_such_thing": 1}, "there is no option 'no_such_thing'; there are callback, "),
        ({"predefined_queues": {"mail": {"url": URL, "acces_key_id": "k"}}}, "'acces_key_id'; there is access_key_id"),
        ({"predefined_queues": [URL]}, "predefined_queues: not a mapping"),
        ({"predefined_queues": {"mail": URL}}, r"predefined_queues['mail']: not a mapping with the url"),
        ({"predefined_queues": {"mail": {"url": f"{URL}-other"}}}, "it is another than sqs_queues"),
        ({"polling_interval": 1}, "polling_interval is not taken"),
        ({"sqs_base64_encoding": True}, "sqs_base64_encoding is not taken"),
        ({"visibility_timeout": "30"}, "visibility_timeout: '30' is no number"),
        ({"visibility_timeout": 50_000}, "visibility_timeout: 50000 is no number"),
        ({"wait_time_seconds": 21}, "wait_time_seconds: 21 is no number"),
        ({"is_secure": False}, "port and is_secure are of the host in broker_url"),
        ({"port": 4566}, "port and is_secure are of the host in broker_url"),
    ],
    ids=repr,
)
def test_a_wrong_or_unknown_option_is_one_line_that_names_it(app, options, text):
    with pytest.raises(Misconfigured) as raised:
        settings_of(app, **options)
    assert str(raised.value).startswith("broker_transport_options: ")
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "settings", "options", "names"),
    [
        ("sqs://", {"region": "eu-west-1"}, {"region": "eu-central-1"}, "region: it is another than sqs_region"),
        ("sqs://K:S@", {"access_key": ("k", "s")}, {}, "broker_url: it is another than sqs_access_key"),
        ("sqs://h:1", {"endpoint_url": "http://h:2"}, {}, "broker_url: it is another than sqs_endpoint_url"),
        ("sqs://h:1", {}, {"port": 2}, "port is another than in broker_url"),
    ],
)
def test_what_contradicts_a_setting_is_refused(app, url, settings, options, names):
    with pytest.raises(Misconfigured, match=names):
        settings_of(app, url, settings, **options)


@pytest.mark.parametrize("key", ["region", "access_key_id", "secret_access_key"])
def test_queues_of_several_accounts_or_regions_are_refused(app, key):
    queues = {name: {"url": f"{URL}-{name}", key: f"of-{name}"} for name in ("mail", "bulk")}
    with pytest.raises(Misconfigured, match=f"the queues of an app have one {key}"):
        settings_of(app, queues=(), predefined_queues=queues)


def test_options_of_one_connection_are_checked_too(app):
    celery_sqs.setup(app, queues={"mail": URL})
    with pytest.raises(Misconfigured, match="'wait_time_second'"):
        app.connection(transport_options={"wait_time_second": 1})


def test_the_queues_are_held_against_the_numbers_of_the_options(app):
    settings_of(app, visibility_timeout=30, wait_time_seconds=20, polling_interval=0, sqs_base64_encoding=False)
    limits = Limits.of(app.conf)
    assert (limits.visibility_timeout, limits.receive_wait) == (30, 20)
