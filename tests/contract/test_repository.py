"""What the repository says about itself is so: processes, migrations, decisions, targets, requirements."""

import re
import shlex

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sqlalchemy import inspect

from celery_sqs import dlq, monitor
from orders import tables as orders
from orders.database import connect
from tests.processes import BIN, ROOT, Process

METADATA = [orders.metadata, monitor.metadata, dlq.metadata]

PROCFILE = dict(re.findall(r"^(\w+): *(.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE))

# What to add to a command so that it loads all that it names, and then ends.
REHEARSALS = {"alembic": [], "celery": ["--help"], "gunicorn": ["--check-config"]}

REQUIREMENTS = (
    "requirements",
    "requirements-dev",
    "requirements-celery",
    "requirements-otel",
    "requirements-terraform",
    "requirements-checkov",
)
ONLY_OPTION = "-r requirements.txt"


def test_the_procfile_has_the_processes_of_the_service():
    assert set(PROCFILE) >= {"release", "web", "worker"}


@pytest.mark.parametrize("name", PROCFILE)
def test_every_process_names_something_that_exists(name, tmp_path):
    program, *arguments = shlex.split(PROCFILE[name])
    assert program in REHEARSALS, f"say in REHEARSALS how to try {program} without running it"
    environment = {"APP_ENV": "development", "DATABASE_URL": f"sqlite:///{tmp_path}/orders.db"}
    process = Process([BIN / program, *arguments, *REHEARSALS[program]], tmp_path / "rehearsal.log", environment)
    assert process.wait(60) == 0, f"{PROCFILE[name]}\n{process.output}"


def test_the_migrations_have_one_head():
    heads = ScriptDirectory.from_config(Config(toml_file=ROOT / "pyproject.toml")).get_heads()
    assert len(heads) == 1, f"merge these: {heads}"


def test_the_migrations_make_the_tables_of_the_code(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_the_migrations_make_the_constraints_and_options_of_the_code(engine):
    # Alembic compares no CHECK, no primary key and no collation. So hold the migrated tables against
    # those that the code makes in their place.
    migrated = description(engine)
    for metadata in METADATA:
        metadata.drop_all(engine)
        metadata.create_all(engine)
    assert differences(migrated, description(engine)) == []


def test_every_decision_says_by_what_it_is_checked():
    decisions = ROOT / "DECISIONS.md"
    assert decisions.is_file(), "there is no DECISIONS.md"
    _, *entries = re.split(r"^## ", decisions.read_text(), flags=re.MULTILINE)
    assert entries, "no decision has a heading: ## ..."
    wishes = [entry.splitlines()[0] for entry in entries if not last_line(entry).startswith("Checked by:")]
    assert not wishes, 'these do not end with a line "Checked by: ...":\n' + "\n".join(wishes)


def test_every_target_of_the_makefile_has_a_help_text():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", makefile, re.MULTILINE))
    helped = set(re.findall(r"^([a-z-]+):[^#\n]*## \S", makefile, re.MULTILINE))
    assert sorted(targets - helped) == [], "no help text"
    assert set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()) == targets


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_is_pinned(name):
    pins = {canonicalize_name(pin.name): str(pin.specifier) for pin in requirements(f"{name}.txt")}
    loose = [f"{package}{pin}" for package, pin in pins.items() if not re.fullmatch(r"==[^,*]+", pin)]
    assert not loose, f"not pinned in {name}.txt: {loose}"
    wanted = {canonicalize_name(requirement.name): requirement for requirement in requirements(f"{name}.in")}
    assert sorted(wanted.keys() - pins.keys()) == [], f"run make lock: not in {name}.txt"
    outside = [str(wanted[name]) for name in wanted if pins[name].removeprefix("==") not in wanted[name].specifier]
    assert not outside, f"run make lock: {name}.txt pins another version than {outside}"


@pytest.mark.parametrize("file", [f"{name}.{kind}" for name in REQUIREMENTS for kind in ("in", "txt")])
def test_requirements_name_packages_and_not_where_they_come_from(file):
    options = [line for line in lines(file) if line.startswith("-") and line != ONLY_OPTION]
    assert not options, f"options in {file}: {options}"
    # Also in comments: an index in the header of a compiled file is somebody's own.
    urls = re.findall(r"\S*://\S*|\S+ @ \S+|--[\w-]*(?:index|find-links|trusted-host)\S*", (ROOT / file).read_text())
    assert not urls, f"addresses in {file}: {urls}"


@pytest.fixture
def engine(administrator_url):
    engine = connect(administrator_url)
    yield engine
    engine.dispose()


def description(engine):
    """Each table of the code, as the database describes it."""
    inspector = inspect(engine)
    return {table: describe(inspector, table) for metadata in METADATA for table in metadata.tables}


def describe(inspector, table):
    columns = [{**column, "type": repr(column["type"])} for column in inspector.get_columns(table)]
    return {
        "columns": columns,
        "primary key": inspector.get_pk_constraint(table),
        "foreign keys": by_name(inspector.get_foreign_keys(table)),
        "indexes": by_name(inspector.get_indexes(table)),
        "unique": by_name(inspector.get_unique_constraints(table)),
        "checks": by_name(inspector.get_check_constraints(table)),
        "options": inspector.get_table_options(table),
    }


def differences(migrated, made):
    return [
        f"{table}: {part}: the migrations make {migrated[table][part]}, the code {made[table][part]}"
        for table in made
        for part in made[table]
        if migrated[table][part] != made[table][part]
    ]


def by_name(constraints):
    return sorted(constraints, key=lambda constraint: constraint["name"])


def last_line(text):
    return text.strip().splitlines()[-1]


def lines(file):
    """A requirements file without its comments."""
    stripped = (line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return [line for line in stripped if line]


def requirements(file):
    return [Requirement(line) for line in lines(file) if line != ONLY_OPTION]
