"""What pyproject.toml declares for the distribution celery-sqs is what celery_sqs imports."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import PurePosixPath
from typing import NamedTuple

import pytest

import celery_sqs
from tests.distribution import CORE, DECLARED, NAME, OPTIONAL, modules, own_packages, packages
from tests.processes import ROOT, Process

#: What `import celery_sqs` may not load: packages of the extras, and this repository's own. `prometheus_client` is
#: loaded where it is installed, as it counts from the first call on.
EXTRAS = ("flask", "flower", "jinja2", "opentelemetry", "sqlalchemy", "structlog", "tornado", "werkzeug")
HOUSE = ("app", "bench", "config", "dev", "orders", "tasks", "tests")


class Import(NamedTuple):
    """An import of a package that is not Python's own.

    Attributes:
        place: module and line.
        name: what is imported, with dots.
        groups: whom it has to be declared for.
        is_optional: whether the module loads without it: it is in a function, or its absence is handled.
    """

    place: str
    name: str
    groups: tuple[str, ...]
    is_optional: bool


def imports() -> Iterator[Import]:
    for module, groups in modules().items():
        path = ROOT.joinpath(*module.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for node, is_optional in statements(ast.parse(file.read_text()), is_optional=False):
            for name in names(node):
                if name.partition(".")[0] not in {*sys.stdlib_module_names, "celery_sqs"}:
                    yield Import(f"{module}:{node.lineno}", name, groups, is_optional)


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


def modules_of_packages() -> dict[str, str]:
    """The modules of all declared distributions, and which of these has each."""
    return {
        ".".join(file.with_suffix("").parts).removesuffix(".__init__"): package
        for package in set.union(*map(packages, DECLARED))
        for file in map(PurePosixPath, distribution(package).files or [])
        if file.suffix == ".py"
    }


@pytest.fixture(scope="module")
def found():
    """Each import with the distribution that it comes from; None where that is not declared at all."""
    known = modules_of_packages()

    def package(name):
        return known.get(name) or (package(name.rpartition(".")[0]) if name else None)

    return [(each, package(each.name)) for each in imports()]


def test_whatever_is_imported_is_declared(found):
    def declared(each, group):
        return set.union(*map(packages, {CORE, group, *(OPTIONAL if each.is_optional else ())}))

    undeclared = [
        f"{each.place}: {each.name} is not declared for {group}"
        for each, package in found
        for group in each.groups
        if package not in declared(each, group)
    ]
    assert not undeclared, "\n".join(undeclared)


@pytest.mark.parametrize("group", DECLARED)
def test_whatever_is_declared_is_imported(found, group):
    used = {package for each, package in found if group in each.groups or (group in OPTIONAL and each.is_optional)}
    assert sorted(own_packages(group) - used) == []


@pytest.mark.parametrize("group", DECLARED)
def test_what_is_pinned_here_is_within_what_is_declared(group):
    others = [each for each in DECLARED[group] if each.name != NAME]
    assert [str(each) for each in others if distribution(each.name).version not in each.specifier] == []


def test_the_version_is_major_minor_patch():
    assert [number.isdecimal() for number in celery_sqs.__version__.split(".")] == [True] * 3


def test_importing_it_loads_none_of_the_extras_and_nothing_of_this_repository(tmp_path):
    program = f"import sys, celery_sqs; print(sorted({{*{EXTRAS + HOUSE}}} & sys.modules.keys()))"
    process = Process([sys.executable, "-c", program], tmp_path / "log", {})
    assert (process.wait(), process.output) == (0, "[]\n")
