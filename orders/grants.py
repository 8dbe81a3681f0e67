"""The user that the services log in as: made by an administrator, with the rights to rows and none to tables."""

import hashlib
import re
from typing import Final

from sqlalchemy import Connection, Engine, text

#: What the services do with rows. Whoever has no more can neither drop a table nor migrate one.
RIGHTS: Final = "SELECT, INSERT, UPDATE, DELETE"

#: From anywhere: which addresses reach the server is up to the network.
HOST: Final = "%"

#: MariaDB allows 80 characters (10.6: 128), and more kinds of them than anybody needs.
_USER: Final = re.compile(r"[A-Za-z0-9_.-]{1,80}")

_CREATE: Final = text("CREATE USER IF NOT EXISTS :user@:host IDENTIFIED BY PASSWORD :hash")
_ALTER: Final = text("ALTER USER :user@:host IDENTIFIED BY PASSWORD :hash")

#: A note of _CREATE, which is no error: "Can't create user ...; it already exists".
_ALREADY_THERE: Final = 1973


class Refused(ValueError):
    """The user is not to be touched; nothing has been changed."""


def grant(engine: Engine, user: str, password: str) -> str:
    """Let a user work with the rows of the engine's database; returns one line on what was done.

    It may be repeated: an existing user gets this password, and keeps whatever rights it has besides. Its open
    connections live on.

    Args:
        engine: to the database, logged in as an administrator.
        user: its name.
        password: its password. No statement has it, so no log of the server's and no error can show it.

    Raises:
        Refused: SQLite, a name that is none, no password, no database, or the administrator's own name.
        sqlalchemy.exc.SQLAlchemyError: the server is out of reach, or the administrator has no right to do this.
    """
    database = engine.url.database
    if engine.dialect.name == "sqlite":
        raise Refused("SQLite knows no users: whoever can write its file may do anything")
    if not _USER.fullmatch(user):
        raise Refused("a user's name has 1 to 80 letters, digits, dots, hyphens and underscores")
    if not password:
        raise Refused(f"{user} needs a password")
    if not database:
        raise Refused("DATABASE_URL names no database")
    with engine.connect() as connection:
        _require_another(connection, user)
        created = _identify(connection, user, password)
        rights = text(f"GRANT {RIGHTS} ON {_pattern(database)}.* TO :user@:host")
        connection.execute(rights, {"user": user, "host": HOST})
    return f"{user} {'created' if created else 'given this password'}: {RIGHTS} on {database}"


def _require_another(connection: Connection, user: str) -> None:
    """Nobody changes the password of its own login: the next run would not come in."""
    for logged_in in connection.execute(text("SELECT CURRENT_USER(), USER()")).one():
        if logged_in.rpartition("@")[0] == user:
            raise Refused(f"{user} is the administrator that this is run as: name another user for the services")


def _identify(connection: Connection, user: str, password: str) -> bool:
    """Give a user its password; returns whether it had to be created."""
    login = {"user": user, "host": HOST, "hash": _hash(password)}
    connection.execute(_CREATE, login)
    if all(note.Code != _ALREADY_THERE for note in connection.execute(text("SHOW WARNINGS"))):
        return True
    connection.execute(_ALTER, login)
    return False


def _hash(password: str) -> str:
    """What MariaDB keeps of a password: https://mariadb.com/kb/en/authentication-plugin-mysql_native_password/."""
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return f"*{hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()}"


def _pattern(database: str) -> str:
    r"""A database's name as GRANT wants it, where `_` and `%` stand for any characters unless they follow a `\`."""
    escaped = re.sub(r"([_%\\])", r"\\\1", database).replace("`", "``")
    return f"`{escaped}`".replace(":", r"\:")  # a colon begins a parameter of text()
