"""The users that the services log in as: made by an administrator, with rights to rows and none to tables."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from orders.grants.limits import Grant, grants_of

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


def _keep(_: str) -> bool:
    """Nobody is asked, and a limited user stays so."""
    return False


def grant(
    engine: Engine,
    user: str,
    password: str,
    tables: Mapping[str, str] | None = None,
    may_widen: Callable[[str], bool] = _keep,
) -> str:
    """Let a user work with the rows of the engine's database; returns one line on what was done.

    It may be repeated: an existing user gets this password, and keeps whatever rights it has besides. Its open
    connections live on.

    Args:
        engine: to the database, logged in as an administrator.
        user: its name.
        password: its password. No statement has it, so no log of the server's and no error can show it.
        tables: what it may do with the rows of each table; None: `RIGHTS`, with all of them.
        may_widen: asked, with a question, whether a user that has rights to a part gets all.

    Raises:
        Refused: SQLite, a name that is none, no password, no database, or the administrator's own name; a limited user
            that may not be widened. With `tables`: one is not there, or something gives the user more than that.
        sqlalchemy.exc.SQLAlchemyError: the server is out of reach, or the administrator has no right to do this.
    """
    database = _database(engine, user, password)
    with engine.connect() as connection:
        _require_another(connection, user)
        if tables is not None:
            _require_limits(connection, user, database, tables)
        else:
            _require_consent(connection, user, database, may_widen)
        created = _identify(connection, user, password)
        everything = {f"{_quoted(_pattern(database))}.*": RIGHTS}
        named = {f"{_quoted(database)}.{_quoted(table)}": rights for table, rights in (tables or {}).items()}
        for objects, rights in (named or everything).items():
            connection.execute(text(f"GRANT {rights} ON {objects} TO :user@:host"), {"user": user, "host": HOST})
    limits = "; ".join(f"{table}: {rights}" for table, rights in (tables or {}).items())
    return f"{user} {'created' if created else 'given this password'}: {limits or RIGHTS} on {database}"


def _database(engine: Engine, user: str, password: str) -> str:
    """The database, where a user with this name and password can have rights to it."""
    database = engine.url.database
    if engine.dialect.name == "sqlite":
        raise Refused("SQLite knows no users: whoever can write its file may do anything")
    if not _USER.fullmatch(user):
        raise Refused("a user's name has 1 to 80 letters, digits, dots, hyphens and underscores")
    if not password:
        raise Refused(f"{user} needs a password")
    if not database:
        raise Refused("DATABASE_URL names no database")
    return database


def _require_another(connection: Connection, user: str) -> None:
    """Nobody changes the password of its own login: the next run would not come in."""
    for logged_in in connection.execute(text("SELECT CURRENT_USER(), USER()")).one():
        if logged_in.rpartition("@")[0] == user:
            raise Refused(f"{user} is the administrator that this is run as: name another user for the services")


def _require_limits(connection: Connection, user: str, database: str, tables: Mapping[str, str]) -> None:
    """A user that may do more is not limited by rights to some tables; and each of these has to be there."""
    for each in _grants_of(connection, user, database):
        if (more := each.beyond(tables)).rights:
            raise Refused(
                f"{user} may do more, by GRANT {more} TO {more.account}: "
                f"name another user, or first run REVOKE {more} FROM {more.account}"
            )
    missing = sorted(set(tables) - set(inspect(connection).get_table_names()))
    if missing:
        raise Refused(f"{database} lacks {', '.join(missing)}: migrate it first")


def _grants_of(connection: Connection, user: str, database: str) -> list[Grant]:
    try:
        return list(grants_of(connection, user, database))
    except ValueError as error:
        raise Refused(f"what {user} may do is not known: {error}") from error


def _require_consent(connection: Connection, user: str, database: str, may_widen: Callable[[str], bool]) -> None:
    """A user that has rights to a part of the database, or some of the rights, gets all only where somebody says so."""
    account = f"{_quoted(user)}@{_quoted(HOST)}"
    own = [each for each in _grants_of(connection, user, database) if each.account == account]
    if own and not any(each.has_all_of(RIGHTS) for each in own):
        limited = f"{user} has rights to a part of {database} alone, as a login of web has"
        if not may_widen(f"{limited}. Give it {RIGHTS} on all tables?"):
            raise Refused(f"{limited}: it keeps them, and gets no more")


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
    r"""A database's name as GRANT on all of its tables wants it: `_` and `%` are any characters but behind a `\`."""
    return re.sub(r"([_%\\])", r"\\\1", database)


def _quoted(name: str) -> str:
    """A name in a statement; a colon would begin a parameter of text()."""
    return f"`{name.replace('`', '``')}`".replace(":", r"\:")
