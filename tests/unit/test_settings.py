"""The settings: read once, checked at once, and secrets kept."""

import dataclasses
import traceback

import pytest

from config.settings import DEVELOPMENT_DEFAULTS, SettingsError, boot, load

PASSWORD = "pa55word-of-the-database"
SECRET = "a-secret-as-long-as-a-sha-256-hash-is"

PRODUCTION = {
    "SQS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/order-processing-queue",
    "DATABASE_URL": f"mysql+pymysql://orders:{PASSWORD}@db.internal/orders",
    "JWT_SECRET": f"jwt-{SECRET}",
    "ORDER_ID_SECRET": f"id-{SECRET}",
}


def without(name):
    return {key: value for key, value in PRODUCTION.items() if key != name}


def error_of(environ, **variables):
    environ(**variables)
    with pytest.raises(SettingsError) as caught:
        load()
    return caught.value


def test_production_needs_four_variables_and_no_more(environ):
    environ(**PRODUCTION)
    settings = load()
    assert settings.app_env == "production"
    assert settings.database_url == PRODUCTION["DATABASE_URL"]
    assert settings.queue_name == "order-processing-queue"
    assert (settings.sqs_endpoint, settings.sqs_dlq_url, settings.jwt_jwks_url) == (None, None, None)
    assert settings.log_format == "json"


@pytest.mark.parametrize("name", PRODUCTION)
def test_a_missing_variable_is_named_in_one_line(environ, name):
    text = str(error_of(environ, **without(name)))
    assert name in text
    assert "\n" not in text


@pytest.mark.parametrize("name", ["JWT_SECRET", "ORDER_ID_SECRET", "DATABASE_URL", "SQS_QUEUE_URL"])
def test_production_has_no_default_for_what_only_the_operator_can_know(environ, name):
    assert name in DEVELOPMENT_DEFAULTS
    assert name in str(error_of(environ, APP_ENV="production", **without(name)))


def test_production_uses_the_credentials_that_boto3_finds(environ):
    environ(**PRODUCTION)
    assert load().emulator_credentials is None


def test_development_needs_nothing_but_its_name(environ):
    environ(APP_ENV="development")
    settings = load()
    assert settings.sqs_endpoint == "http://127.0.0.1:4566"
    assert settings.database_url == "sqlite:///var/orders.db"
    assert settings.log_format == "console"
    assert settings.emulator_credentials == ("test", "test")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "staging"),
        ("AWS_REGION", ""),
        ("SQS_ENDPOINT", "localhost:4566"),
        ("SQS_ENDPOINT", "ftp://localhost"),
        ("SQS_ENDPOINT", "http://[::1"),
        ("SQS_ENDPOINT", "http://localhost:http"),
        ("SQS_ENDPOINT", "http://localhost:65536"),
        ("SQS_QUEUE_URL", ""),
        ("SQS_QUEUE_URL", "order-processing-queue"),
        ("SQS_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/"),
        ("SQS_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/order-processing-queue"),
        ("SQS_DLQ_URL", "order-dlq"),
        ("SQS_SEND_TIMEOUT", "soon"),
        ("SQS_SEND_TIMEOUT", "0"),
        ("SQS_SEND_TIMEOUT", "61"),
        ("SQS_SEND_TIMEOUT", "nan"),
        ("JWT_SECRET", ""),
        ("JWT_SECRET", "31-bytes-are-one-byte-too-short"),
        ("ORDER_ID_SECRET", "short"),
        ("BIND_HOST", ""),
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("WEB_WORKERS", "0"),
        ("WEB_CONNECTIONS", "2.5"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_malformed_variable_is_named_in_one_line(environ, name, value):
    text = str(error_of(environ, **PRODUCTION | {name: value}))
    assert name in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "orders.db",
        "postgresql://orders:{}@db/orders",
        "mysql://orders:{}@db/orders",  # its driver, mysqlclient, is not installed
        "mysql+nosuchdriver://orders:{}@db/orders",
        "mysql+pymysql://orders:{}@db:port/orders",
        "mysql+pymysql://orders:{}@db/",
        "mariadb+pymysql://orders:{}@db",
        "mysql+pymysql://orders:p@rt:{}@db/orders",  # an @ that should have been %40
    ],
)
def test_a_malformed_database_url_is_named_but_never_repeated(environ, url):
    error = error_of(environ, **PRODUCTION | {"DATABASE_URL": url.format(PASSWORD)})
    assert "DATABASE_URL" in str(error)
    assert PASSWORD not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:////srv/orders.db", "mariadb+pymysql://db/orders"])
def test_the_installed_databases_are_accepted(environ, url):
    environ(**PRODUCTION | {"DATABASE_URL": url})
    assert load().database_url == url


@pytest.mark.parametrize("app_env", ["production", "development"])
def test_a_jwks_url_takes_the_place_of_the_secret(environ, app_env):
    environ(APP_ENV=app_env, JWT_JWKS_URL="https://id.example/keys", JWT_AUDIENCE="orders", **without("JWT_SECRET"))
    settings = load()
    assert (settings.jwt_secret, settings.jwt_jwks_url) == (None, "https://id.example/keys")


def test_the_region_is_that_of_the_queues_url_unless_the_url_has_none(environ):
    environ(**PRODUCTION)
    assert load().aws_region == "eu-central-1"
    environ(**PRODUCTION | {"SQS_QUEUE_URL": "http://127.0.0.1:4566/000000000000/orders"})
    assert load().aws_region == "us-east-1"


def test_another_region_than_the_queues_is_one_line_that_names_both(environ):
    text = str(error_of(environ, **PRODUCTION, AWS_REGION="us-west-2"))
    assert text == "SQS_QUEUE_URL is in eu-central-1, and AWS_REGION is us-west-2: correct either"


@pytest.mark.parametrize(
    "dlq_url",
    [
        PRODUCTION["SQS_QUEUE_URL"],
        PRODUCTION["SQS_QUEUE_URL"] + "/",
        "https://vpce-1.sqs.eu-central-1.vpce.amazonaws.com/123456789012/order-processing-queue",
        "http://127.0.0.1:4566/queue/eu-central-1/123456789012/order%2Dprocessing%2Dqueue",
    ],
)
def test_a_dlq_that_is_the_queue_itself_is_one_line_that_names_both(environ, dlq_url):
    text = str(error_of(environ, **PRODUCTION, SQS_DLQ_URL=dlq_url))
    assert text == "SQS_QUEUE_URL and SQS_DLQ_URL name the same queue, order-processing-queue: correct either"


def test_a_dlq_of_another_name_or_account_is_another_queue(environ):
    for of_queue, of_dlq in (("order-processing-queue", "order-dlq"), ("123456789012", "210987654321")):
        environ(**PRODUCTION, SQS_DLQ_URL=PRODUCTION["SQS_QUEUE_URL"].replace(of_queue, of_dlq))
        assert load().sqs_dlq_url


@pytest.mark.parametrize("app_env", ["production", "development"])
def test_a_jwks_url_and_a_secret_contradict_each_other(environ, app_env):
    text = str(error_of(environ, APP_ENV=app_env, JWT_JWKS_URL="https://id.example/keys", **PRODUCTION))
    assert "JWT_SECRET" in text
    assert "JWT_JWKS_URL" in text
    assert "\n" not in text


def test_no_secret_is_in_the_repr(environ):
    environ(**PRODUCTION)
    shown = repr(load())
    assert PASSWORD not in shown
    assert SECRET not in shown


@pytest.mark.parametrize("name", ["JWT_SECRET", "ORDER_ID_SECRET"])
def test_a_refused_secret_is_not_repeated(environ, name):
    error = error_of(environ, **PRODUCTION | {name: "too-short-to-use"})
    assert "too-short-to-use" not in "".join(traceback.format_exception(error))


def test_settings_never_change(environ):
    environ(**PRODUCTION)
    with pytest.raises(dataclasses.FrozenInstanceError):
        load().port = 1


def test_a_dotenv_file_says_what_the_environment_does_not(environ, tmp_path):
    environ(**without("ORDER_ID_SECRET"))
    (tmp_path / ".env").write_text(f"ORDER_ID_SECRET=file-{SECRET}\nPORT=9000\n")
    settings = load()
    assert (settings.order_id_secret, settings.port) == (f"file-{SECRET}", 9000)


def test_the_environment_outranks_a_dotenv_file(environ, tmp_path):
    environ(PORT="9001", **PRODUCTION)
    (tmp_path / ".env").write_text("PORT=9000\n")
    assert load().port == 9001


def test_only_the_working_directorys_own_dotenv_file_is_read(environ, tmp_path, monkeypatch):
    environ(**PRODUCTION)
    (tmp_path / ".env").write_text("PORT=9000\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert load().port == 8000


def test_booting_on_a_bad_setting_ends_the_process_with_the_one_line(environ):
    environ(**without("DATABASE_URL"))
    with pytest.raises(SystemExit) as ended:
        boot()
    assert ended.value.code == 'settings: Environment variable "DATABASE_URL" not set'


def test_the_development_queues_are_on_the_emulator_that_the_endpoint_names(monkeypatch):
    monkeypatch.setenv("APP_ENV", "development")
    monkeypatch.setenv("SQS_ENDPOINT", "http://localstack:4599/")
    settings = load(env_file=None)
    assert settings.sqs_queue_url == "http://localstack:4599/000000000000/order-processing-queue"
    assert settings.sqs_dlq_url == "http://localstack:4599/000000000000/order-dlq"


def test_operators_are_named_with_their_passwords(environ):
    environ(**PRODUCTION, OPERATORS="ada:a-password:with-colons,bob@example.com:another-password")
    assert load().operators == {"ada": "a-password:with-colons", "bob@example.com": "another-password"}


def test_without_operators_there_are_none(environ):
    environ(**PRODUCTION)
    assert load().operators == {}


@pytest.mark.parametrize(
    "value",
    ["ada", "ada:", "ada:too-short", ":a-long-password", "ada:a long password", "ada:ein-Paßwort-ja", "ada:x,"],
)
def test_operators_that_could_not_sign_in_are_refused_and_not_repeated(environ, value):
    environ(**PRODUCTION, OPERATORS=value)
    with pytest.raises(SettingsError, match="OPERATORS") as refused:
        load()
    assert value not in str(refused.value)


def test_an_operator_is_named_once(environ):
    environ(**PRODUCTION, OPERATORS="ada:a-password-of-hers,ada:another-password")
    with pytest.raises(SettingsError, match="names an operator twice"):
        load()


def test_repairs_are_kept_longer_than_the_attempts_that_they_explain(environ):
    text = str(error_of(environ, **PRODUCTION, ATTEMPT_RETENTION_DAYS="100", REPAIR_RETENTION_DAYS="114"))
    assert "REPAIR_RETENTION_DAYS" in text
    environ(**PRODUCTION, ATTEMPT_RETENTION_DAYS="100", REPAIR_RETENTION_DAYS="115")
    assert load().repair_retention_days == 115
