"""celery_sqs/README.md lists each setting with its default, and its examples use what is there."""

import ast
import builtins
import importlib
import json
import re

import pytest

from celery_sqs.configuration import CELERY_DEFAULTS, CELERY_OVERRIDES
from celery_sqs.settings import DEFAULTS
from tests.processes import ROOT

README = (ROOT / "celery_sqs" / "README.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
POLICIES = re.findall(r"^```json\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

MOST_LINES = 10  # of configuration, imports included, that a first worker takes


def rows():
    """Setting and default of each row of the tables of settings; the text `none` stands for no default."""
    return dict(re.findall(r"^\| `(\w+)` \| (?:`([^`]+)`|none[^|]*) \|", section("Settings"), re.MULTILINE))


def section(heading):
    return README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_setting_is_listed_with_its_default():
    listed = {name: ast.literal_eval(value or "None") for name, value in rows().items() if name.startswith("sqs_")}
    assert listed == dict(DEFAULTS)


def test_every_default_of_celerys_that_setup_changes_is_listed():
    listed = {name: ast.literal_eval(value) for name, value in rows().items() if name in CELERY_DEFAULTS and value}
    others = {name: value for name, value in CELERY_DEFAULTS.items() if name not in DEFAULTS}
    assert {name: value for name, value in listed.items() if name not in DEFAULTS} == others


@pytest.mark.parametrize("name", CELERY_OVERRIDES)
def test_every_setting_that_setup_always_sets_is_named(name):
    assert f"`{name}`" in section("Settings")


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_import_what_is_there_and_what_they_use(code):
    tree = ast.parse(code)
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            imported |= {alias.name for alias in node.names}
            if node.module.startswith("celery_sqs"):
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    bound = imported | {node.id for node in names if isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    bound |= {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assert imported <= used <= bound | set(dir(builtins))


def test_a_first_worker_takes_few_lines_of_configuration():
    before_the_tasks = EXAMPLES[0].partition("@app.task")[0]
    assert len([line for line in before_the_tasks.splitlines() if line]) <= MOST_LINES


@pytest.mark.parametrize("policy", POLICIES)
def test_the_policies_are_json(policy):
    assert json.loads(policy)["Statement"]


def test_there_are_examples_and_policies():
    assert (len(EXAMPLES) > 5, len(POLICIES)) == (True, 2)
