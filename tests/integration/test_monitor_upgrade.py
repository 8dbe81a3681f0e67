"""`celery -A shop sqs monitor upgrade` on an empty database of each kind, and where others have made the tables."""

import sys
from types import SimpleNamespace

import pytest
from celery import Celery
from click.testing import CliRunner
from sqlalchemy import create_engine, insert, select, text

import celery_sqs
from celery_sqs.cli import _paused, sqs
from celery_sqs.errors import Misconfigured
from celery_sqs.monitor.pauses import PauseStore
from celery_sqs.monitor.schema.completeness import lacking
from celery_sqs.monitor.schema.upgrade import METADATA, TABLES, VERSION_TABLE, NotUpgraded, _differences, upgrade
from celery_sqs.monitor.steps import Schema
from celery_sqs.monitor.tables import housekeeping
from celery_sqs.settings import Settings
from tests.shop import QUEUE


@pytest.fixture(params=["mariadb", "sqlite"])
def url(request, tmp_path):
    """A database without a table, for who may make some."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    server = request.getfixturevalue("mariadb_server")
    return server._url(server.empty())


@pytest.fixture
def engine(url):
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def app(url):
    app = Celery("shop", set_as_current=False)
    celery_sqs.setup(app, queues={"mail": QUEUE}, region="us-east-1", monitor_database=url)
    return app


def run(app, *arguments):
    ended = CliRunner().invoke(sqs, arguments, obj=SimpleNamespace(app=app))
    return ended.exit_code, ended.output


def execute(engine, statement):
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_the_command_makes_the_tables_and_is_repeated_without_harm(app, engine):
    code, output = run(app, "pause", "mail", "--reason", "r")
    assert (code, len(output.splitlines()), "sqs monitor upgrade" in output) == (1, 1, True)
    assert run(app, "monitor", "upgrade") == (0, "tables: created\n")
    assert run(app, "pause", "mail", "--reason", "r", "--as", "ada")[0] == 0
    assert run(app, "monitor", "upgrade") == (0, "tables: at revision 0002\n")
    assert lacking(engine, *METADATA) is None
    assert PauseStore(engine).current()["mail"].paused_by == "ada"


def test_a_table_that_is_missing_is_all_that_the_queues_command_leaves_out(app, engine, capsys):
    assert _paused(Settings.of(app.conf)) == {}
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("whether a queue is paused is not known: sqs_monitor_database: tables")
    upgrade(engine)
    PauseStore(engine).pause("mail", "ada", "r")
    assert str(_paused(Settings.of(app.conf))["mail"]).startswith("paused by ada since ")


def test_tables_that_metadata_has_made_are_taken_over_with_their_rows(engine):
    METADATA[0].create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(housekeeping), {"name": "n"})
    execute(engine, "DROP TABLE pauses")
    assert upgrade(engine).startswith("found, and completed by dead_messages, pauses, ")
    assert upgrade(engine) == "at revision 0002"
    with engine.connect() as connection:
        assert connection.execute(select(housekeeping.c.name)).all() == [("n",)]


def test_tables_of_the_revision_before_get_what_they_lack_and_keep_their_rows(engine):
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(insert(housekeeping), {"name": "n"})
    on = " ON task_state" if engine.dialect.name == "mysql" else ""
    for index in ("ix_task_state_sent_at", "ix_task_state_state_sent_at_name"):
        execute(engine, f"DROP INDEX {index}{on}")
    execute(engine, "ALTER TABLE workers DROP COLUMN renewed_at")
    execute(engine, "ALTER TABLE task_state DROP COLUMN kind")
    execute(engine, f"UPDATE {VERSION_TABLE} SET version_num = '0001'")
    assert upgrade(engine) == "at revision 0002"
    with engine.begin() as connection:
        assert _differences(connection, sorted(TABLES)) == []
        assert connection.execute(select(housekeeping.c.name)).all() == [("n",)]
    execute(engine, f"DROP TABLE {VERSION_TABLE}")
    assert upgrade(engine) == "found as they should be"


def test_tables_that_differ_are_refused_and_left_alone(engine):
    METADATA[1].create_all(engine)
    execute(engine, "ALTER TABLE repairs DROP COLUMN note")
    with pytest.raises(
        NotUpgraded, match=r"^the tables were made by something else, and differ: add_column repairs note$"
    ):
        upgrade(engine)
    assert "repairs.note" in lacking(engine, *METADATA)
    assert "all of them" in lacking(engine)


def test_tables_among_a_hosts_migrations_are_the_hosts(engine):
    for metadata in METADATA:
        metadata.create_all(engine)
    execute(engine, "CREATE TABLE alembic_version (version_num VARCHAR(32))")
    assert upgrade(engine) == "the host's, and as they should be"
    execute(engine, "DROP TABLE pauses")
    with pytest.raises(NotUpgraded, match="whose migrations have to change them: the table pauses is missing"):
        upgrade(engine)
    with pytest.raises(Exception, match=VERSION_TABLE):
        execute(engine, f"SELECT * FROM {VERSION_TABLE}")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
class TestAWorkerWithoutTables:
    def test_it_ends_with_one_line_that_names_the_command(self, app, engine, caplog):
        with pytest.raises(SystemExit) as ended:
            Schema(SimpleNamespace(app=app)).start(SimpleNamespace(app=app))
        assert ended.value.code == Misconfigured.exit_code
        [line] = caplog.messages
        assert "celery -A APP sqs monitor upgrade" in line

    def test_it_starts_where_preflight_only_warns_and_where_the_tables_are_there(self, app, engine, caplog):
        app.conf.sqs_preflight = "warn"
        Schema(SimpleNamespace(app=app)).start(SimpleNamespace(app=app))
        assert len(caplog.messages) == 1
        app.conf.sqs_preflight = "refuse"
        METADATA[0].create_all(engine)
        Schema(SimpleNamespace(app=app)).start(SimpleNamespace(app=app))
        assert len(caplog.messages) == 1

    def test_a_database_that_does_not_answer_does_not_keep_it_from_starting(self, app, tmp_path, caplog):
        app.conf.sqs_monitor_database = f"sqlite:///{tmp_path}/no/such/folder/shop.db"
        Schema(SimpleNamespace(app=app)).start(SimpleNamespace(app=app))
        assert caplog.messages == []

    def test_without_alembic_the_command_names_the_extra(self, app, monkeypatch):
        monkeypatch.setitem(sys.modules, "celery_sqs.monitor.cli", None)
        code, output = run(app, "monitor", "upgrade")
        assert (code, "Needs celery-sqs[monitor]" in output) == (1, True)
