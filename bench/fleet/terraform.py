"""Numbers of this project's Terraform, read from its text, so that the model has those that are applied."""

import re
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[2] / "terraform"


@cache
def number(file: str, name: str) -> int:
    """A number, a sum of numbers, or the default of an optional one.

    Args:
        file: below `terraform/`.
        name: what it is assigned to.

    Raises:
        LookupError: there is no such number.
    """
    text = (FOLDER / file).read_text()
    found = re.search(rf"^\s*{name}\s*=\s*(?:optional\(number, )?([\d]+(?: \+ \d+)*)\b", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"{file} has no number {name}")
    return sum(map(int, found[1].split(" + ")))


@cache
def processes(service: str) -> int:
    """Processes of a service's task."""
    text = (FOLDER / "compute/limits.tf").read_text()
    found = re.search(rf"^\s*processes = {{.*\b{service} = (\d+)", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"limits.tf has no processes of {service}")
    return int(found[1])


@cache
def size(service: str, what: str) -> int:
    """Units of `cpu` of a service's task, of which 1024 are one vCPU, or MiB of `memory`."""
    text = (FOLDER / "compute/services.tf").read_text()
    found = re.search(rf"^      {service} = {{.*?^        {what}\s+= (\d+)$", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"services.tf has no {what} of {service}")
    return int(found[1])


def connections(webs: int, workers: int) -> int:
    """Connections that the database has to allow for tasks of web and workers, by the rules of `compute/limits.tf`."""
    limits = "compute/limits.tf"
    web = number(limits, "connections_per_web_process")
    worker = number(limits, "connections_per_worker_main") + processes("worker") * number(
        limits, "connections_per_worker_process"
    )
    tasks = webs * processes("web") * web + processes("workbench") * web + workers * worker
    return number(limits, "connections_reserved") + number(limits, "tasks_at_once") * tasks
