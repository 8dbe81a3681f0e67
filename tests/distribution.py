"""celery-sqs as a distribution: what pyproject.toml declares of it, and which modules need which of its extras."""

import tomllib
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.processes import ROOT

_PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

NAME: Final = _PROJECT["name"]
CORE: Final = "core"

#: What is declared for the core and for each extra.
DECLARED: Final = {
    group: list(map(Requirement, lines))
    for group, lines in {CORE: _PROJECT["dependencies"], **_PROJECT["optional-dependencies"]}.items()
}

#: The parts that nobody can import without one of these extras. All else is the core.
PARTS: Final = {
    "celery_sqs.database": ("dlq", "monitor"),
    "celery_sqs.dlq": ("dlq",),
    "celery_sqs.metrics.prometheus": ("metrics",),
    "celery_sqs.monitor": ("monitor",),
    "celery_sqs.monitor.flower": ("flower",),
    "celery_sqs.workbench": ("workbench",),
}

#: The extras that any module may use where they are installed, and does without where not.
OPTIONAL: Final = ("metrics", "otel")


def modules() -> dict[str, tuple[str, ...]]:
    """All modules of the framework, each with the groups that it belongs to: the core, or each extra of its part."""
    paths = sorted((ROOT / "celery_sqs").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    return {name: _groups(name) for name in names}


def _groups(module: str) -> tuple[str, ...]:
    parts = [part for part in PARTS if f"{module}.".startswith(f"{part}.")]
    return PARTS[max(parts, key=len)] if parts else (CORE,)


def own_packages(group: str) -> set[str]:
    """The distributions that are declared for a group by itself."""
    return {canonicalize_name(each.name) for each in DECLARED[group]} - {NAME}


def packages(group: str) -> set[str]:
    """The same with those of the extras that it names."""
    named = [extra for each in DECLARED[group] if each.name == NAME for extra in each.extras]
    return own_packages(group).union(*map(packages, named))
