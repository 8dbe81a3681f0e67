"""terraform/ as the tests run it: a copy with its provider, and the commands of Terraform in there."""

import itertools
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.processes import ROOT, Process
from tests.terraform import mirror

SOURCE: Final = ROOT / "terraform"

INIT_TIMEOUT: Final = 20  # seconds; a mirror needs two
REGISTRY_TIMEOUT: Final = 100  # seconds; it sends a provider of 150 MB, or swallows packets
TIMEOUT: Final = 110  # seconds for any other command

_GENERATED: Final = shutil.ignore_patterns(".terraform", "*.tfstate*", "*.tfplan")


class Finished(NamedTuple):
    """The result of a command."""

    code: int
    output: str


class NoProvider(Exception):
    """Neither a mirror nor the registry has given the provider."""


class Module:
    """A copy of terraform/ in a folder of its own.

    Args:
        folder: where the copy is; beside it lie the logs.
        variables: see below.

    Attributes:
        folder: where the copy is.
        variables: environment variables of all its commands, on top of `environment()`.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.variables = dict(variables or {})
        self._numbers = itertools.count()  # several commands may run at a time

    @classmethod
    def fetch(cls, folder: Path) -> "Module":
        """A copy with the provider of the first mirror that has one that suits, or with the registry's.

        Raises:
            NoProvider: there is none.
        """
        shutil.copytree(SOURCE, folder, ignore=_GENERATED)
        module = cls(folder)
        outputs = []
        for place in mirror.candidates(os.environ):
            done = module.run("init", "-input=false", f"-plugin-dir={place}", timeout=INIT_TIMEOUT)
            if done.code == 0:
                return module
            outputs.append(f"{place}: {done.output}")
        done = module.run("init", "-input=false", timeout=REGISTRY_TIMEOUT)
        if done.code != 0:
            raise NoProvider("\n".join([*outputs, f"the registry: {done.output}"]))
        return module

    def copy(self, folder: Path, variables: Mapping[str, str] | None = None) -> "Module":
        """Another copy with the same provider, and with the same variables unless others are given.

        `fetch`'s has to stay: the provider is linked, it is large.
        """
        shutil.copytree(SOURCE, folder, ignore=_GENERATED)
        shutil.copy(self.folder / ".terraform.lock.hcl", folder)
        (folder / ".terraform").symlink_to(self.folder / ".terraform")
        return type(self)(folder, self.variables if variables is None else variables)

    def set(self, **variables: Any) -> None:
        """Give the module's variables values, for all commands from now on."""
        (self.folder / "terraform.tfvars.json").write_text(json.dumps(variables))

    def run(self, command: str, *arguments: str, timeout: float = TIMEOUT) -> Finished:
        """Run a command of Terraform's to its end."""
        log = self.folder.parent / f"{self.folder.name}-{next(self._numbers)}-{command}.log"
        words = ["terraform", f"-chdir={self.folder}", command, *arguments]
        process = Process(words, log, environment() | self.variables)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()  # its provider, too, where it did not end
        return Finished(code, process.output)


def installed() -> bool:
    """Whether this machine has Terraform."""
    return shutil.which("terraform") is not None


def environment() -> dict[str, str]:
    """The environment of Terraform: nothing of this process's that would lead it to AWS or change its output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))}
    configuration = os.environ.get("TF_CLI_CONFIG_FILE", "")
    if Path(configuration).is_file():
        kept["TF_CLI_CONFIG_FILE"] = configuration
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",  # it would ask for newer versions
        "GOGC": "400",  # a command is short: collecting garbage less often saves a third of its processor time
        "TF_CLI_ARGS": "-no-color",
        "TF_IN_AUTOMATION": "1",
    }
