"""What values of environment variables must look like. Each raises `ValidationError`, whose text repeats no secret."""

import re
import ssl
from typing import Final
from urllib.parse import urlsplit

from marshmallow import ValidationError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

#: HMAC-SHA256 is no stronger than its key: RFC 7518, section 3.2, asks for as many bytes as the hash.
MIN_SECRET_BYTES: Final = 32

#: An operator can read every order, and discard one.
MIN_PASSWORD_LENGTH: Final = 12

#: The database drivers that are installed.
_DRIVERS: Final = frozenset({"mysql+pymysql", "mariadb+pymysql", "sqlite", "sqlite+pysqlite"})

#: A comma ends a password, and Flower compares no others than ASCII: hmac.compare_digest.
_OPERATOR: Final = re.compile(rf"[A-Za-z0-9._@-]{{1,64}}:[!-+\--~]{{{MIN_PASSWORD_LENGTH},}}")


def http_url(value: str) -> None:
    """A URL of a web server."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a bracket that is not closed, a port that is no number
        usable = False
    if not usable:
        raise ValidationError("not an http(s) URL")


def queue_url(value: str) -> None:
    """A queue's URL, with its account and name."""
    http_url(value)
    account, _, name = urlsplit(value).path.strip("/").rpartition("/")
    if not account or not name:
        raise ValidationError("not a queue URL such as https://sqs.REGION.amazonaws.com/ACCOUNT/NAME")


def database_url(value: str) -> None:
    """A URL of a database that there is a driver for."""
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        # The URL holds a password, so neither it nor SQLAlchemy's error, which may quote it, is repeated.
        raise ValidationError("not a database URL such as mysql+pymysql://USER:PASSWORD@HOST/NAME") from None
    if url.drivername not in _DRIVERS:
        raise ValidationError("the database must be MariaDB (mysql+pymysql://) or SQLite (sqlite://)")
    if not url.database and url.get_backend_name() != "sqlite":  # SQLite's is in memory then
        raise ValidationError("names no database: mysql+pymysql://USER:PASSWORD@HOST/NAME")
    if "ssl_ca" in url.query:
        certificates(str(url.query["ssl_ca"]))


def certificates(path: str) -> None:
    """Read them now: PyMySQL would at each connect, and its error would look like the order's own fault."""
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one: no certificate is in there
        raise ValidationError(f"ssl_ca={path} has no certificates to read: {error.strerror}") from error


def text(value: str) -> None:
    """What has bytes in UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:  # its traceback would show the value
        raise ValidationError("not UTF-8") from None


def named_passwords(value: str) -> None:
    """Operators' names and passwords."""
    pairs = value.split(",") if value else []
    names = [pair.partition(":")[0] for pair in pairs]
    # The passwords are secrets, so the value is not repeated.
    if not all(_OPERATOR.fullmatch(pair) for pair in pairs):
        raise ValidationError(f"needs NAME:PASSWORD,... with {MIN_PASSWORD_LENGTH} or more ASCII characters a password")
    if len(set(names)) < len(names):
        raise ValidationError("names an operator twice")


def secret(value: str) -> None:
    """A key that is long enough for HMAC-SHA256."""
    if len(value.encode()) < MIN_SECRET_BYTES:
        raise ValidationError(f"needs at least {MIN_SECRET_BYTES} bytes")
