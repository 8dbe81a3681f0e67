"""What pyproject.toml says of the distribution celery-sqs is what celery_sqs imports."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import PurePosixPath
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import celery_sqs
from tests.processes import ROOT, Process

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORE = "core"

#: What is declared for the core and for each extra.
DECLARED = {
    group: list(map(Requirement, lines))
    for group, lines in {CORE: PROJECT["dependencies"], **PROJECT["optional-dependencies"]}.items()
}

#: The parts that nobody can import without one of these extras. All else is the core.
PARTS = {
    "celery_sqs.database": ("dlq", "monitor"),
    "celery_sqs.dlq": ("dlq",),
    "celery_sqs.monitor": ("monitor",),
    "celery_sqs.monitor.flower": ("flower",),
}

#: The extras that any module may use where they are installed, and does without where not.
OPTIONAL = ("metrics", "otel")

#: What `import celery_sqs` may not load: the extras, and this repository's own packages.
HEAVY = ("flask", "flower", "opentelemetry", "prometheus_client", "sqlalchemy", "structlog", "tornado")
HOUSE = ("app", "bench", "config", "dev", "orders", "tasks", "tests")


class Import(NamedTuple):
    """An import of a package that is not Python's own.

    Attributes:
        place: file and line.
        name: what is imported, with dots.
        groups: whom it has to be declared for: the core, or each of the part's extras.
        is_optional: whether the module loads without it: it is in a function, or its absence is handled.
    """

    place: str
    name: str
    groups: tuple[str, ...]
    is_optional: bool


def imports() -> Iterator[Import]:
    for path in sorted((ROOT / "celery_sqs").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        part = max((name for name in PARTS if f"{module}.".startswith(f"{name}.")), key=len, default=None)
        for node, is_optional in statements(ast.parse(path.read_text()), is_optional=False):
            for name in names(node):
                if name.partition(".")[0] not in {*sys.stdlib_module_names, "celery_sqs"}:
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    yield Import(place, name, PARTS[part] if part else (CORE,), is_optional)


def statements(tree: ast.AST, *, is_optional: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """The import statements in a tree, but for those that only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, is_optional
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            is_handled = isinstance(node, ast.Try) and any("ImportError" in ast.unparse(each) for each in node.handlers)
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from statements(node, is_optional=is_optional or is_handled or is_function)


def names(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def packages(group: str) -> set[str]:
    """The distributions that are declared for a group, by itself or by the extras that it names."""
    own = {canonicalize_name(each.name) for each in DECLARED[group]} - {PROJECT["name"]}
    return own.union(
        *(packages(extra) for each in DECLARED[group] if each.name == PROJECT["name"] for extra in each.extras)
    )


def modules() -> dict[str, str]:
    """The modules of all declared distributions, and which of these has each."""
    return {
        ".".join(file.with_suffix("").parts).removesuffix(".__init__"): name
        for name in set.union(*map(packages, DECLARED))
        for file in map(PurePosixPath, distribution(name).files or [])
        if file.suffix == ".py"
    }


@pytest.fixture(scope="module")
def found():
    """Each import with the distribution that it comes from; None where that is not declared at all."""
    known = modules()

    def provider(name):
        return known.get(name) or (provider(name.rpartition(".")[0]) if name else None)

    return [(each, provider(each.name)) for each in imports()]


def test_whatever_is_imported_is_declared(found):
    def declared(each, group):
        groups = {CORE, group, *(OPTIONAL if each.is_optional else ())}
        return set.union(*map(packages, groups))

    undeclared = [
        f"{each.place}: {each.name} is not declared for {group}"
        for each, name in found
        for group in each.groups
        if name not in declared(each, group)
    ]
    assert not undeclared, "\n".join(undeclared)


@pytest.mark.parametrize("group", DECLARED)
def test_whatever_is_declared_is_imported(found, group):
    used = {name for each, name in found if group in each.groups or (group in OPTIONAL and each.is_optional)}
    own = {canonicalize_name(each.name) for each in DECLARED[group]} - {PROJECT["name"]}
    assert sorted(own - used) == []


@pytest.mark.parametrize("group", DECLARED)
def test_what_is_pinned_here_is_within_what_is_declared(group):
    own = [each for each in DECLARED[group] if each.name != PROJECT["name"]]
    outside = [str(each) for each in own if distribution(each.name).version not in each.specifier]
    assert outside == []


def test_the_version_is_major_minor_patch():
    numbers = celery_sqs.__version__.split(".")
    assert [number.isdecimal() for number in numbers] == [True] * 3


def test_importing_it_loads_none_of_the_extras_and_nothing_of_this_repository(tmp_path):
    program = f"import sys, celery_sqs; print(sorted({{*{HEAVY + HOUSE}}} & sys.modules.keys()))"
    process = Process([sys.executable, "-c", program], tmp_path / "log", {})
    assert (process.wait(), process.output) == (0, "[]\n")
