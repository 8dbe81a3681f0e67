"""Creating and upgrading the tables, by Alembic, beside the migrations that a host may have in the same database."""

from pathlib import Path
from typing import Any, Final

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, inspect

from celery_sqs.dlq import tables as of_dlq
from celery_sqs.monitor import tables as of_monitor

METADATA: Final[list[MetaData]] = [of_monitor.metadata, of_dlq.metadata]
TABLES: Final = {name: table for each in METADATA for name, table in each.tables.items()}

#: Where the revision is kept; a host's own is in `alembic_version`.
VERSION_TABLE: Final = "celery_sqs_version"
HOSTS_VERSION_TABLE: Final = "alembic_version"

MAX_NAMED: Final = 5  # differences in the one line that names them

CREATED: Final = "created"
UPGRADED: Final = "at revision"
KNOWN: Final = "found as they should be"
COMPLETED: Final = "found, and completed by"
OF_HOST: Final = "the host's, and as they should be"


class NotUpgraded(Exception):
    """The tables are left as they are; the text says why."""


def upgrade(engine: Engine) -> str:
    """Bring the tables to what this version needs, and keep all rows; returns what was done, in words.

    Raises:
        NotUpgraded: there are tables that neither this nor a host's migrations have made as they should be.
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used, or the login may not change tables.
    """
    with engine.begin() as connection:
        found = set(inspect(connection).get_table_names())
        if VERSION_TABLE in found:
            _migrate(connection)
            return f"{UPGRADED} {_scripts().get_current_head()}"
        ours = sorted(found & TABLES.keys())
        differences = _differences(connection, ours)
        if ours and HOSTS_VERSION_TABLE in found:
            return _of_host(differences, ours)
        if differences:
            raise NotUpgraded(f"the tables were made by something else, and differ: {_named(differences)}")
        missing = sorted(TABLES.keys() - found)
        for metadata in METADATA:
            metadata.create_all(connection)
        _stamp(connection)
    if not ours:
        return CREATED
    return f"{COMPLETED} {', '.join(missing)}" if missing else KNOWN


def _of_host(differences: list[str], ours: list[str]) -> str:
    """What is said of tables beside a host's `alembic_version`: it has composed ours into its own migrations."""
    lacking = [f"the table {name} is missing" for name in sorted(TABLES.keys() - set(ours))] + differences
    if lacking:
        text = f"the tables are the host's ({HOSTS_VERSION_TABLE}), whose migrations have to change them"
        raise NotUpgraded(f"{text}: {_named(lacking)}")
    return OF_HOST


def _differences(connection: Connection, tables: list[str]) -> list[str]:
    """How those of our tables that are there differ from what they should be."""

    def is_asked_for(thing: Any, name: str | None, kind: str, *_: Any) -> bool:
        return kind != "table" or name in tables

    context = MigrationContext.configure(connection, opts={"include_object": is_asked_for})
    ours: Any = METADATA  # Alembic takes several, and its annotation does not say so
    found = compare_metadata(context, ours)
    return [_described(each[0] if isinstance(each, list) else each) for each in found]


def _described(difference: Any) -> str:
    kind, *what = difference
    names = [each if isinstance(each, str) else getattr(each, "name", None) for each in what]
    return " ".join([kind, *(name for name in names if name)])


def _named(differences: list[str]) -> str:
    more = len(differences) - MAX_NAMED
    return "; ".join(differences[:MAX_NAMED]) + (f"; and {more} more" if more > 0 else "")


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))


def _stamp(connection: Connection) -> None:
    MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).stamp(_scripts(), "head")


def _migrate(connection: Connection) -> None:
    scripts = _scripts()

    def steps(revision: Any, _context: Any) -> Any:
        return scripts._upgrade_revs("head", revision)

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE, render_as_batch=True)
        environment.run_migrations()
