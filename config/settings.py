"""The settings of a process: one frozen object, read from the environment once, at boot.

This module is the only reader of environment variables. Each field of `Settings` is the variable
of the same name in capitals; `.env.example` and the README list them all. A `.env` file in the
working directory has the values that are not in the environment.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from environs import Env, EnvError
from marshmallow.validate import Length, OneOf, Range
from sqlalchemy import make_url

from config import validators
from config.queues import ORDER_QUEUE, account_and_name, region_in

DEVELOPMENT: Final = "development"
PRODUCTION: Final = "production"

#: Seconds that a POST may wait for SQS before it is answered with 503.
DEFAULT_SEND_TIMEOUT: Final = 5.0

#: Days that a message may be in the queue and then in the DLQ. As long an attempt at it is kept beyond its retention.
MAX_DAYS_ON_ITS_WAY: Final = (ORDER_QUEUE.retention + ORDER_QUEUE.dlq.retention) // 86_400

_EMULATOR: Final = "http://127.0.0.1:4566"

#: The defaults of `APP_ENV=development`. In production each of these must be set.
DEVELOPMENT_DEFAULTS: Final = {
    "SQS_ENDPOINT": _EMULATOR,
    "SQS_QUEUE_URL": f"{_EMULATOR}/000000000000/{ORDER_QUEUE.name}",
    "SQS_DLQ_URL": f"{_EMULATOR}/000000000000/{ORDER_QUEUE.dlq.name}",
    "DATABASE_URL": "sqlite:///var/orders.db",
    "JWT_SECRET": "development-only-jwt-secret-not-for-production",
    "ORDER_ID_SECRET": "development-only-order-id-secret-not-for-production",
    "OPERATORS": "operator:development-only-password",
    "LOG_FORMAT": "console",
}

#: A secret that is drawn at random has more than these, in hexadecimal digits too.
MIN_DIFFERENT_CHARACTERS: Final = 8

Validator = Callable[[str], object]


class SettingsError(ValueError):
    """A setting is missing or malformed; the message is one line that names the variable."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a process. Secrets are left out of its repr.

    Attributes:
        database_url: the whole URL: `DATABASE_URL` with `DATABASE_USER` and `DATABASE_PASSWORD` in it.
    """

    app_env: str
    aws_region: str
    sqs_endpoint: str | None
    sqs_queue_url: str
    sqs_dlq_url: str | None
    sqs_envelope: str | None
    sqs_send_timeout: float
    database_url: str = field(repr=False)
    database_user: str | None = None
    database_password: str | None = field(default=None, repr=False)
    jwt_secret: str | None = field(repr=False)
    jwt_jwks_url: str | None
    jwt_audience: str | None
    jwt_issuer: str | None
    order_id_secret: str = field(repr=False)
    bind_host: str
    port: int
    web_workers: int
    web_connections: int
    worker_health_port: int
    preflight: str
    operators: Mapping[str, str] = field(repr=False)
    dlq_rescue_minutes: int
    task_events: bool
    task_retention_days: int
    attempt_retention_days: int
    repair_retention_days: int
    metrics_port: int
    flower_port: int
    otel_exporter_otlp_endpoint: str | None
    log_level: str
    log_format: str

    @property
    def queue_name(self) -> str:
        """The work queue's name: the last part of its URL."""
        return self.sqs_queue_url.rsplit("/", 1)[-1]

    @property
    def web_waits(self) -> int:
        """Requests of a web process that may wait for an order: a fifth of its connections is left to all others."""
        return self.web_connections * 4 // 5

    @property
    def emulator_credentials(self) -> tuple[str, str] | None:
        """Credentials for a development emulator, so that a developer's real ones never reach it."""
        return ("test", "test") if self.app_env == DEVELOPMENT else None


def load(env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings from the environment, and from `env_file` those that are not set there.

    Raises:
        SettingsError: a variable is missing or malformed, or two contradict each other.
    """
    env = Env()
    if env_file is not None and env_file.is_file():
        env.read_env(env_file, recurse=False)
    try:
        settings = _read(env)
    except EnvError as error:
        raise SettingsError(str(error)) from error
    if bool(settings.jwt_secret) == bool(settings.jwt_jwks_url):
        raise SettingsError("Set exactly one of the variables JWT_SECRET and JWT_JWKS_URL")
    if (region := region_in(settings.sqs_queue_url)) not in {None, settings.aws_region}:
        raise SettingsError(f"SQS_QUEUE_URL is in {region}, and AWS_REGION is {settings.aws_region}: correct either")
    # What scans the DLQ spends receives of its messages: orders that are on their way would die of it.
    if settings.sqs_dlq_url and account_and_name(settings.sqs_dlq_url) == account_and_name(settings.sqs_queue_url):
        raise SettingsError(f"SQS_QUEUE_URL and SQS_DLQ_URL name the same queue, {settings.queue_name}: correct either")
    # An order's state leaves out the attempts at messages that a repair has sent again.
    if settings.repair_retention_days < settings.attempt_retention_days + MAX_DAYS_ON_ITS_WAY:
        raise SettingsError(f"REPAIR_RETENTION_DAYS must exceed ATTEMPT_RETENTION_DAYS by {MAX_DAYS_ON_ITS_WAY}")
    if settings.metrics_port == settings.port:
        raise SettingsError("METRICS_PORT must not be PORT, which is public")
    if settings.app_env == PRODUCTION and (danger := next(_dangers(settings), None)):
        raise SettingsError(danger)
    return settings


def _dangers(settings: Settings) -> Iterator[str]:
    """What is good enough on a developer's machine alone. Secrets are named, and not shown."""
    secrets = {"JWT_SECRET": settings.jwt_secret, "ORDER_ID_SECRET": settings.order_id_secret}
    secrets |= {f"the password of {name} in OPERATORS": password for name, password in settings.operators.items()}
    published = set(re.split(r"[:,]", ",".join(DEVELOPMENT_DEFAULTS.values())))
    seen: dict[str, str] = {}
    for name, secret in secrets.items():
        if secret is None:
            continue
        if secret in published:
            yield f"{name} is published, for development: set one of your own"
        if len(set(secret)) < MIN_DIFFERENT_CHARACTERS:
            yield f"{name} has fewer than {MIN_DIFFERENT_CHARACTERS} different characters: draw it at random"
        if secret in seen:
            yield f"{name} is {seen[secret]}, too: whoever knows one must not know the other"
        seen[secret] = name
    if settings.jwt_jwks_url and urlsplit(settings.jwt_jwks_url).scheme != "https":
        yield "JWT_JWKS_URL is not https: whoever can change its answers can sign tokens"
    if settings.jwt_jwks_url and not settings.jwt_audience:
        yield "JWT_AUDIENCE is needed with JWT_JWKS_URL: a token for any other service would do here"


def boot() -> Settings:
    """`load`, for the entry points: a bad setting ends the process with one line, not a traceback."""
    try:
        return load()
    except SettingsError as error:
        sys.exit(f"settings: {error}")


def _read(env: Env) -> Settings:
    app_env = env.str("APP_ENV", PRODUCTION, validate=OneOf([DEVELOPMENT, PRODUCTION]))
    given = dict(DEVELOPMENT_DEFAULTS) if app_env == DEVELOPMENT else {}
    jwks_url = env.str("JWT_JWKS_URL", None, validate=validators.http_url)
    if jwks_url:
        given.pop("JWT_SECRET", None)
    endpoint = env.str("SQS_ENDPOINT", given.get("SQS_ENDPOINT"), validate=validators.http_url)
    if app_env == DEVELOPMENT and endpoint:
        for name in ("SQS_QUEUE_URL", "SQS_DLQ_URL"):
            given[name] = given[name].replace(_EMULATOR, endpoint.rstrip("/"))

    def required(name: str, *more: Validator) -> str:
        value: str = env.str(name, **_default(given, name), validate=[Length(min=1), *more])
        return value

    queue_url = required("SQS_QUEUE_URL", validators.queue_url)
    return Settings(
        app_env=app_env,
        aws_region=env.str("AWS_REGION", region_in(queue_url) or "us-east-1", validate=Length(min=1)),
        sqs_endpoint=endpoint,
        sqs_queue_url=queue_url,
        sqs_dlq_url=env.str("SQS_DLQ_URL", given.get("SQS_DLQ_URL"), validate=validators.queue_url),
        sqs_envelope=env.str("SQS_ENVELOPE", None, validate=OneOf(["sns", "eventbridge", "sns,eventbridge"])),
        sqs_send_timeout=env.float("SQS_SEND_TIMEOUT", DEFAULT_SEND_TIMEOUT, validate=Range(0.1, 60)),
        **_of_the_database(env, required("DATABASE_URL", validators.database_url)),
        jwt_secret=None if jwks_url and not _is_set(env, "JWT_SECRET") else required("JWT_SECRET", validators.secret),
        jwt_jwks_url=jwks_url,
        jwt_audience=env.str("JWT_AUDIENCE", None),
        jwt_issuer=env.str("JWT_ISSUER", None),
        order_id_secret=required("ORDER_ID_SECRET", validators.secret),
        bind_host=env.str("BIND_HOST", "127.0.0.1", validate=Length(min=1)),
        port=env.int("PORT", 8000, validate=Range(1, 65535)),
        web_workers=env.int("WEB_WORKERS", 2, validate=Range(1, 64)),
        web_connections=env.int("WEB_CONNECTIONS", 500, validate=Range(1, 5000)),
        worker_health_port=env.int("WORKER_HEALTH_PORT", 0, validate=Range(0, 65535)),
        preflight=env.str("PREFLIGHT", "refuse", validate=OneOf(["refuse", "warn"])),
        log_level=env.str("LOG_LEVEL", "INFO", validate=OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])),
        log_format=env.str("LOG_FORMAT", given.get("LOG_FORMAT", "json"), validate=OneOf(["json", "console"])),
        **_for_operators(env, given),
    )


def _of_the_database(env: Env, given_url: str) -> dict[str, Any]:
    """The database's whole URL, and the user and password that have variables of their own."""
    user = env.str("DATABASE_USER", None, validate=[Length(min=1), validators.text])
    password = env.str("DATABASE_PASSWORD", None, validate=[Length(min=1), validators.text])
    login = {"database_user": user, "database_password": password}
    if user is None and password is None:
        return {"database_url": given_url, **login}
    url = make_url(given_url)
    if url.get_backend_name() == "sqlite":
        raise SettingsError("DATABASE_USER and DATABASE_PASSWORD are not for SQLite, which knows no users")
    for part, value, in_url in (("user", user, url.username), ("password", password, url.password)):
        if value and in_url and value != in_url:  # the message repeats neither: either may be the password
            raise SettingsError(f"DATABASE_{part.upper()} is another {part} than that in DATABASE_URL: leave one out")
    # Set and not pasted in: a password may hold an @, a / or a %.
    url = url.set(username=user or url.username, password=password or url.password)
    if not url.username:
        raise SettingsError("DATABASE_PASSWORD needs DATABASE_USER, or a user in DATABASE_URL")
    if not url.password:
        raise SettingsError("DATABASE_USER needs DATABASE_PASSWORD, or a password in DATABASE_URL")
    return {"database_url": url.render_as_string(hide_password=False), **login}


def _for_operators(env: Env, given: dict[str, str]) -> dict[str, Any]:
    """The settings of monitoring and repair."""
    return {
        "operators": _operators(env.str("OPERATORS", given.get("OPERATORS", ""), validate=validators.named_passwords)),
        "dlq_rescue_minutes": env.int("DLQ_RESCUE_MINUTES", 1, validate=Range(0, 1440)),
        "task_events": env.bool("TASK_EVENTS", True),
        "task_retention_days": env.int("TASK_RETENTION_DAYS", 7, validate=Range(1, 3650)),
        "attempt_retention_days": env.int("ATTEMPT_RETENTION_DAYS", 90, validate=Range(1, 3650)),
        "repair_retention_days": env.int("REPAIR_RETENTION_DAYS", 730, validate=Range(1, 3650)),
        "metrics_port": env.int("METRICS_PORT", 0, validate=Range(0, 65535)),
        "flower_port": env.int("FLOWER_PORT", 5555, validate=Range(1, 65535)),
        "otel_exporter_otlp_endpoint": env.str("OTEL_EXPORTER_OTLP_ENDPOINT", None, validate=validators.http_url),
    }


def _default(given: dict[str, str], name: str) -> dict[str, str]:
    return {"default": given[name]} if name in given else {}


def _is_set(env: Env, name: str) -> bool:
    return env.str(name, None) is not None


def _operators(value: str) -> Mapping[str, str]:
    return dict(pair.split(":", 1) for pair in value.split(",")) if value else {}
