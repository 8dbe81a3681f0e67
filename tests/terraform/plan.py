"""What Terraform would make of the module, and what its own tests say, both from the JSON of `terraform test`."""

import json
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.terraform.module import Module

#: A plan of the module with everything in it.
WHOLE: Final = Path(__file__).parent / "whole.tftest.hcl"

SERVICES: Final = ("web", "worker", "workbench")
ROLES: Final = {"web": "web", "worker": "worker", "workbench": "operator"}


class Container(NamedTuple):
    """A container of a task definition.

    Attributes:
        name: its own.
        definition: of the container, under AWS's names.
    """

    name: str
    definition: dict[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        """The variables whose values stand there."""
        return {variable["name"]: variable["value"] for variable in self.definition["environment"]}

    @property
    def secrets(self) -> dict[str, str]:
        """The variables that come out of a secret, and out of which."""
        return {secret["name"]: secret["valueFrom"] for secret in self.definition["secrets"]}


class Plan:
    """A plan, as `terraform show -json` prints it."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self._changes = raw["resource_changes"]
        self._outputs = raw["output_changes"]

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources of a kind, by what their addresses end with: service["web"]."""
        return {
            change["address"].rsplit(f"{kind}.", 1)[1]: change["change"]["after"]
            for change in self._changes
            if change["type"] == kind and change["mode"] == "managed"
        }

    def output(self, name: str) -> Any:
        """A value that the module gives."""
        return self._outputs[name]["after"]

    @cached_property
    def services(self) -> dict[str, Container]:
        """The one container of each service."""
        tasks = self.all("aws_ecs_task_definition")
        return {name: next(_containers(tasks[f'service["{name}"]'])) for name in SERVICES}

    @cached_property
    def release(self) -> dict[str, Container]:
        """The containers of the task that prepares a release."""
        task = self.all("aws_ecs_task_definition")["release"]
        return {container.name: container for container in _containers(task)}


def _containers(task: dict[str, Any]) -> Iterator[Container]:
    for definition in json.loads(task["container_definitions"]):
        yield Container(definition["name"], definition)


def read_plans(module: Module) -> dict[str, Plan]:
    """The plans of WHOLE, by the names of its runs."""
    shutil.copy(WHOLE, module.folder / "tests")
    done = module.run("test", "-json", "-verbose", f"-filter=tests/{WHOLE.name}")
    lines = _messages(done.output)
    assert done.code == 0, f"no plan: {list(_complaints(lines))}"
    return {line["@testrun"]: Plan(line["test_plan"]) for line in lines if line["type"] == "test_plan"}


def native_failures(module: Module, file: str) -> list[str]:
    """What fails in one of the module's own test files; none when all is well."""
    done = module.run("test", "-json", f"-filter=tests/{file}")
    lines = _messages(done.output)
    failures = list(_complaints(lines))
    assert bool(failures) == bool(done.code), done.output
    return failures


def _messages(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def _complaints(lines: list[dict[str, Any]]) -> Iterator[str]:
    for line in lines:
        if line["type"] == "diagnostic" and line["diagnostic"]["severity"] == "error":
            diagnostic = line["diagnostic"]
            yield f"{line.get('@testrun', '')}: {diagnostic['summary']}: {diagnostic.get('detail', '')}"
