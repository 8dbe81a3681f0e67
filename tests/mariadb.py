"""A private mariadbd for the tests: its own data, its own port, loopback only."""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pymysql
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

from orders.database import connect
from orders.grants import grant
from tests.polling import poll
from tests.processes import ROOT, Process, free_port

APPLICATION: Final = "application"  # a user with rights to rows alone
PASSWORD: Final = "the-password-of-the-tests"
TLS_ALONE: Final = "--require-secure-transport=ON"  # an option of the server
FEW: Final = 10  # connections: MariaDB allows no lower limit


def program() -> str | None:
    """Where the server's program is. Debian puts it where the PATH of most users does not lead."""
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")


def installed() -> bool:
    """Whether this machine has the server."""
    return program() is not None


@dataclass(frozen=True)
class Migrated:
    """A database with all migrations applied, and the statements that make its tables."""

    name: str
    tables: Mapping[str, str]


class MariaDB:
    """A server that can be killed, stopped and started again.

    Args:
        folder: where it keeps all that it has.
        options: further arguments of mariadbd.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self.port = free_port()
        self._without_tls = TLS_ALONE not in options
        # A server that starts removes what others have of temporary tables in the same folder.
        temporary = folder / "tmp"
        temporary.mkdir()
        as_user = ["--user=root"] if os.geteuid() == 0 else []
        where = [f"--datadir={folder / 'data'}", f"--tmpdir={temporary}"]
        server = program()
        assert server is not None, "mariadbd is not installed: run tests/install-packages.sh"
        self._command = [
            server,
            "--no-defaults",
            *where,
            f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            *options,
            *as_user,
        ]
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                *where,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *as_user,
            ],
            check=True,
            capture_output=True,
        )
        self.start()

    def start(self) -> None:
        """Start it on the data that is there."""
        self._process = Process(self._command, self._folder / "mariadbd.log", {})
        poll(self._answers, 30, "mariadbd answers")

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def stop(self) -> None:
        """End it as an administrator would."""
        self._process.stop()

    @contextlib.contextmanager
    def gone(self) -> Iterator[None]:
        """End it as a loss of power would, and start it again."""
        self._process.kill()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Let it run no more, while its connections stay open."""
        self._process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send(signal.SIGCONT)

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Let nobody write but the administrator."""
        self.execute("SET GLOBAL read_only = 1")
        try:
            yield
        finally:
            self.execute("SET GLOBAL read_only = 0")

    @contextlib.contextmanager
    def out_of_connections(self) -> Iterator[None]:
        """Let nobody in but the administrator: all connections are taken, and the application has lost its own."""
        [[usual]] = self.execute("SELECT @@max_connections")
        # On one connection: a further one might not come in, as another look of ours has the administrator's place.
        with self._connection() as connection, connection.cursor() as administrator:
            administrator.execute(f"SET GLOBAL max_connections = {FEW}")
            try:
                with contextlib.ExitStack() as taken:
                    administrator.execute(f"KILL USER {APPLICATION}")
                    with contextlib.suppress(pymysql.OperationalError):  # the application may be faster
                        for _ in range(FEW):
                            taken.enter_context(self._connection(user=APPLICATION, password=PASSWORD))
                    yield
            finally:
                administrator.execute(f"SET GLOBAL max_connections = {usual}")

    def empty(self) -> str:
        """The name of a new database without tables."""
        name = f"orders_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def fresh(self) -> str:
        """The URL of a new database with all migrations applied."""
        name = self.empty()
        with self._connection(name) as connection, connection.cursor() as cursor:
            cursor.execute("SET foreign_key_checks = 0")  # the tables come in any order
            for table, statement in self._migrated.tables.items():
                cursor.execute(statement)
                cursor.execute(f"INSERT INTO {table} SELECT * FROM {self._migrated.name}.{table}")
        return self._url(name)

    @functools.cached_property
    def _migrated(self) -> "Migrated":
        """A database to copy: migrating each anew takes seconds."""
        name = self.empty()
        migrate(self._url(name))
        tables = [table for (table,) in self.execute("SHOW TABLES", name)]
        return Migrated(name, {table: self.execute(f"SHOW CREATE TABLE {table}", name)[0][1] for table in tables})

    def _url(self, name: str) -> str:
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{name}"

    def application(self, url: str) -> str:
        """The URL of a database for the user that the services log in as, with the rights that they get."""
        administrator = connect(url)
        grant(administrator, APPLICATION, PASSWORD)
        administrator.dispose()
        return url.replace("//root@", f"//{APPLICATION}:{PASSWORD}@")

    def execute(self, statement: str, database: str | None = None) -> Any:
        """Run a statement as the administrator; returns its rows."""
        with self._connection(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def locked(self, table: str, database: str) -> contextlib.AbstractContextManager[None]:
        """Keep everybody else from writing to a table."""
        return self.holding(database, f"LOCK TABLES {table} READ")

    @contextlib.contextmanager
    def holding(self, database: str, *statements: str) -> Iterator[None]:
        """Hold the locks of some statements, on a connection of its own."""
        with self._connection(database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            yield

    def _connection(self, database: str | None = None, user: str = "root", password: str = "") -> Any:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=password,
            database=database,
            autocommit=True,
            connect_timeout=2,
            ssl_disabled=self._without_tls,  # PyMySQL reads all the machine's certificates first
        )

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except pymysql.MySQLError:
            return False
        return True


def rows(database_url: str, query: str) -> Any:
    """What a query gives, on a connection of its own."""
    url = make_url(database_url)
    connection = pymysql.connect(
        host=url.host,
        port=url.port or 0,
        user=url.username,
        password=url.password or "",
        database=url.database,
        ssl_disabled=True,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def administered(database_url: str) -> str:
    """The URL of the same database for somebody who may change its tables, too."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return database_url
    return url.set(username="root", password="").render_as_string(hide_password=False)


def migrate(database_url: str) -> None:
    """Apply all migrations to a database."""
    alembic = Config(toml_file=ROOT / "pyproject.toml")
    engine = connect(database_url)
    with engine.connect() as connection:
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "head")
    engine.dispose()
