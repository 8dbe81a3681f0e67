"""The framework's public surface: what hosts import of it, and what importing it loads."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT

PACKAGES = (
    "celery_sqs",
    "celery_sqs.dependencies",
    "celery_sqs.dlq",
    "celery_sqs.dlq.cli",
    "celery_sqs.monitor",
    "celery_sqs.testing",
    "celery_sqs.tracing",
    "celery_sqs.workbench",
)
#: Not bench: it measures and models what is inside.
HOSTS = ("app", "dev", "examples", "tasks", "flowerconfig.py")


def sources():
    for host in HOSTS:
        path = ROOT / host
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def imports():
    """File, module and names of each import of the framework by a host."""
    for path in sources():
        place = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "celery_sqs":
                yield place, node.module, {alias.name for alias in node.names}
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.split(".")[0] == "celery_sqs":
                        yield place, alias.name, set()


def public(module):
    code = f"import {module}, json; print(json.dumps({module}.__all__))"
    return set(json.loads(run(code)))


def run(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def test_hosts_import_the_public_surface_alone():
    surface = {module: public(module) for module in PACKAGES}
    packages = {module.rpartition(".")[2] for module in PACKAGES[1:]}
    offenders = [
        f"{place}: from {module} import {', '.join(sorted(names))}"
        for place, module, names in imports()
        if module not in surface or names - surface[module] - (packages if module == "celery_sqs" else set())
    ]
    assert not offenders, "these are private:\n" + "\n".join(offenders)


def test_there_are_imports_to_look_at():
    assert {Path(place).parts[0] for place, _, _ in imports()} >= {"app", "examples", "tasks"}


@pytest.mark.parametrize("module", PACKAGES)
def test_every_public_name_is_there(module):
    code = f"import {module} as m; print(all(hasattr(m, name) for name in m.__all__))"
    assert run(code).strip() == "True"
