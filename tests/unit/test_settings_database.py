"""The database's URL, its user and its password: set together, or each on its own."""

import re
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from config.settings import SettingsError, load
from orders.database import connect

URL = "mysql+pymysql://db.internal/orders?ssl_check_hostname=true"
HARD = "p@ss/w:rd?#[%40] {{x}} ${y} é☕'\"\\"

# All that an environment variable can hold: no NUL, and nothing that is not UTF-8.
LOGINS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@pytest.fixture
def read(monkeypatch):
    """A function that reads the settings, with the environment saying this of the database and nothing else."""

    def settings(url, user=None, password=None):
        monkeypatch.setenv("APP_ENV", "development")
        for name, value in (("URL", url), ("USER", user), ("PASSWORD", password)):
            if value is None:
                monkeypatch.delenv(f"DATABASE_{name}", raising=False)
            else:
                monkeypatch.setenv(f"DATABASE_{name}", value)
        return load(env_file=None)

    return settings


@pytest.fixture
def refused(read):
    """A function that gives the one line with which settings are refused; it must show none of the passwords."""

    def line(url, user=None, password=None):
        with pytest.raises(SettingsError) as caught:
            read(url, user, password)
        [message] = str(caught.value).splitlines()
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))
        return message

    return line


def test_user_and_password_are_filled_in(read):
    url = make_url(read(URL, "orders", HARD).database_url)
    assert (url.username, url.password, url.host, url.database) == ("orders", HARD, "db.internal", "orders")
    assert dict(url.query) == {"ssl_check_hostname": "true"}


@given(user=LOGINS, password=LOGINS)
def test_whatever_characters_they_have(user, password):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("APP_ENV", "development")
        environment.setenv("DATABASE_URL", URL)
        environment.setenv("DATABASE_USER", user)
        environment.setenv("DATABASE_PASSWORD", password)
        url = make_url(load(env_file=None).database_url)
    assert (url.username, url.password, url.host) == (user, password, "db.internal")


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("mysql+pymysql://orders@db/orders", None, HARD),
        ("mysql+pymysql://:s3cret@db/orders", "orders", None),
        ("mysql+pymysql://orders:s3cret@db/orders", "orders", "s3cret"),
    ],
    ids=["the password alone", "the user alone", "the same twice"],
)
def test_each_may_come_from_either_side(read, url, user, password):
    found = make_url(read(url, user, password).database_url)
    assert (found.username, found.password) == ("orders", password or "s3cret")


def test_the_password_is_not_in_the_repr(read):
    shown = repr(read(URL, "orders", "s3cret"))
    assert "s3cret" not in shown
    assert "database_user='orders'" in shown


@pytest.mark.parametrize(
    ("url", "user", "password", "message"),
    [
        ("mysql+pymysql://ada@db/orders", "bob", "s3cret", "DATABASE_USER is another user than that in DATABASE_URL"),
        (
            "mysql+pymysql://ada:s3cret1@db/orders",
            "ada",
            "s3cret2",
            "DATABASE_PASSWORD is another password than that in DATABASE_URL",
        ),
        (URL, "orders", None, "DATABASE_USER needs DATABASE_PASSWORD"),
        (URL, None, "s3cret", "DATABASE_PASSWORD needs DATABASE_USER"),
        ("sqlite:///orders.db", "orders", "s3cret", "DATABASE_USER and DATABASE_PASSWORD are not for SQLite"),
        ("sqlite:///orders.db", None, "s3cret", "DATABASE_USER and DATABASE_PASSWORD are not for SQLite"),
        (URL, "", "s3cret", 'variable "DATABASE_USER" invalid'),
        (URL, "orders", "", 'variable "DATABASE_PASSWORD" invalid'),
        (URL, "orders", "s3cret\udcff", 'variable "DATABASE_PASSWORD" invalid'),
    ],
)
def test_what_cannot_be_meant_is_named_in_one_line(refused, url, user, password, message):
    assert re.search(re.escape(message), refused(url, user, password))


def test_a_certificate_that_is_not_there_is_found_at_boot(refused, tmp_path):
    message = refused(f"mysql+pymysql://orders:s3cret@db/orders?ssl_ca={tmp_path}/nowhere.pem")
    assert "DATABASE_URL" in message
    assert f"{tmp_path}/nowhere.pem" in message


def test_a_file_without_certificates_is_found_at_boot(refused, tmp_path):
    (tmp_path / "empty.pem").write_text("")
    assert "DATABASE_URL" in refused(f"mysql+pymysql://orders:s3cret@db/orders?ssl_ca={tmp_path}/empty.pem")


def test_the_folder_of_a_new_sqlite_database_is_its_owners_alone(tmp_path):
    with connect(f"sqlite:///{tmp_path}/var/orders.db").connect():
        assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
