"""Modules, functions and folders stay small enough to read at once, and every module says what it is for."""

import ast
from collections import Counter
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
PRODUCT = ("app", "celery_sqs", "orders", "tasks", "config", "examples")
FOLDERS = (*PRODUCT, "dev", "tests", "bench")
GENERATED = Path("app/migrations/versions")  # a migration is as long as its change

MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 40
MAX_MODULES = 15  # in a folder of the product
MEDIAN_LINES = 80  # of the product's modules
# A name that fits everything: such a module has no noun, so it collects what found no place.
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}


def test_every_module_has_at_most_300_lines():
    sizes = [(f"{path}:1", len(source.splitlines())) for path, source in sources()]
    assert_no_offenders("lines in a module", MAX_MODULE_LINES, sizes)


def test_every_function_has_at_most_40_lines():
    sizes = [
        (f"{path}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1)
        for path, source in sources()
        for node in ast.walk(ast.parse(source))
        # lineno is that of `def`: decorators stand above it and do not count.
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert_no_offenders("lines in a function", MAX_FUNCTION_LINES, sizes)


def test_no_folder_of_the_product_has_more_than_15_modules():
    sizes = Counter(path.parent for path, _ in modules_of_the_product())
    assert_no_offenders("modules in a folder", MAX_MODULES, sizes.items())


def test_half_of_the_products_modules_have_fewer_than_80_lines():
    middle = median(len(source.splitlines()) for _, source in modules_of_the_product())
    assert middle < MEDIAN_LINES, f"the median is {middle}"


def test_no_module_is_named_after_nothing():
    offenders = [str(path) for path, _ in sources() if NAMELESS & {part.lower() for part in names(path)}]
    assert not offenders, "name these by a noun:\n" + "\n".join(offenders)


def test_every_module_begins_with_a_docstring():
    trees = [(path, ast.parse(source)) for path, source in sources()]
    # An empty __init__.py marks a package and says nothing.
    offenders = [f"{path}:1" for path, tree in trees if tree.body and not ast.get_docstring(tree)]
    assert not offenders, "no docstring:\n" + "\n".join(offenders)


def test_there_are_modules_to_look_at():
    assert {path.parts[0] for path, _ in sources()} >= {"app", "orders", "tasks", "config", "tests"}


def sources():
    """Every module's path below the root, and its text."""
    paths = (path.relative_to(ROOT) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    return [(path, (ROOT / path).read_text()) for path in paths if not path.is_relative_to(GENERATED)]


def modules_of_the_product():
    """Those with any code: an __init__.py that has only a docstring is not something to find a way through."""
    return [
        (path, source)
        for path, source in sources()
        if path.parts[0] in PRODUCT and not (path.name == "__init__.py" and is_docstring(ast.parse(source)))
    ]


def is_docstring(tree):
    return not tree.body or (len(tree.body) == 1 and ast.get_docstring(tree) is not None)


def names(path):
    """A module's own name and those of its packages."""
    return path.with_suffix("").parts


def assert_no_offenders(what, limit, sizes):
    offenders = [f"{place}: {size}" for place, size in sizes if size > limit]
    assert not offenders, f"more than {limit} {what}:\n" + "\n".join(offenders)
