"""Every setting is written down where people look for it, and one module alone reads the environment."""

import ast
import itertools
import re
from collections import Counter
from dataclasses import fields

import pytest

from config.settings import DEVELOPMENT_DEFAULTS, Settings, load
from tests.processes import ROOT

VARIABLES = {field.name.upper() for field in fields(Settings)}
EXAMPLE = (ROOT / ".env.example").read_text().splitlines()
ASSIGNMENT = re.compile(r"#?([A-Z][A-Z0-9_]*)=(.*)")
SHOWN = dict(match.groups() for match in map(ASSIGNMENT.fullmatch, EXAMPLE) if match)

# What a setting is useless without.
BESIDE = {
    "DATABASE_USER": {"DATABASE_URL": "mysql+pymysql://:a-password@127.0.0.1/orders"},
    "DATABASE_PASSWORD": {"DATABASE_URL": "mysql+pymysql://a-user@127.0.0.1/orders"},
}

READER = ROOT / "config" / "settings.py"
READS = {"environ", "environb", "getenv", "getenvb"}
READERS = {"environs", "dotenv"}


def test_the_example_lists_every_setting_and_nothing_else():
    assert set(SHOWN) == VARIABLES


def test_the_example_lists_each_setting_once():
    listed = Counter(match[1] for match in map(ASSIGNMENT.fullmatch, EXAMPLE) if match)
    assert [name for name, times in listed.items() if times > 1] == []


def test_the_example_says_what_each_setting_is():
    pairs = itertools.pairwise(["", *EXAMPLE])
    silent = [line for above, line in pairs if ASSIGNMENT.fullmatch(line) and not above.startswith("# ")]
    assert not silent, "no comment above:\n" + "\n".join(silent)


def test_copying_the_example_changes_nothing():
    set_by_it = [line for line in EXAMPLE if line.strip() and not line.startswith("#")]
    assert set_by_it == []


def test_the_example_shows_the_development_defaults_of_the_code():
    assert {name: SHOWN.get(name) for name in DEVELOPMENT_DEFAULTS} == DEVELOPMENT_DEFAULTS


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_uncommenting_a_line_gives_the_default_or_what_has_none(monkeypatch, name):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("APP_ENV", "development")
    for variable, value in BESIDE.get(name, {}).items():
        monkeypatch.setenv(variable, value)
    default = load(env_file=None)
    monkeypatch.setenv(name, SHOWN[name])
    if getattr(default, name.lower(), None) is None:
        assert getattr(load(env_file=None), name.lower()) == SHOWN[name]
    else:
        assert load(env_file=None) == default


def test_the_readme_mentions_every_setting():
    readme = ROOT / "README.md"
    words = set(re.findall(r"\w+", readme.read_text() if readme.is_file() else ""))
    missing = sorted(VARIABLES - words)
    assert not missing, "README.md does not mention:\n" + "\n".join(missing)


def test_only_the_settings_read_the_environment():
    offenders = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("app", "orders", "tasks", "config")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != READER
        for node in ast.walk(ast.parse(path.read_text()))
        if reads_the_environment(node)
    ]
    assert not offenders, "make it a field of config.settings.Settings:\n" + "\n".join(offenders)


@pytest.mark.parametrize(
    "statement",
    [
        "import os; os.environ['A']",
        "import os as system; system.getenv('A')",
        "from os import environ",
        "from os import getenv as get",
        "import environs",
        "import dotenv.main",
        "from environs import Env",
    ],
)
def test_a_reader_of_the_environment_is_recognised(statement):
    assert any(reads_the_environment(node) for node in ast.walk(ast.parse(statement)))


def reads_the_environment(node):
    match node:
        case ast.Attribute(attr=name):
            return name in READS
        case ast.ImportFrom(module="os"):
            return any(alias.name in READS for alias in node.names)
        case ast.ImportFrom(module=str(module)):
            return module.partition(".")[0] in READERS
        case ast.Import():
            return any(alias.name.partition(".")[0] in READERS for alias in node.names)
    return False
