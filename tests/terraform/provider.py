"""The AWS provider as a process that outlives Terraform's commands.

It is large: to start one for each run of a test takes three times as long as the run itself. This is how its developers
run it: https://developer.hashicorp.com/terraform/plugin/debugging#starting-a-provider-in-debug-mode
"""

import re
from pathlib import Path
from typing import Final

from tests.polling import poll
from tests.processes import Process
from tests.terraform.mirror import PROVIDER

VARIABLE: Final = "TF_REATTACH_PROVIDERS"

_SAID: Final = re.compile(rf"{VARIABLE}='(.*)'")


class Provider:
    """The provider that `init` has found for a module.

    Args:
        folder: the module's.

    Attributes:
        variables: environment variables that make Terraform use this process.
    """

    def __init__(self, folder: Path) -> None:
        [program] = folder.joinpath(".terraform", "providers", PROVIDER).glob("*/*/terraform-provider-aws_*")
        self._process = Process([program.resolve(), "-debug"], folder.parent / "provider.log", {})
        address = poll(self._address, 30, "the provider prints its address")
        self.variables = {VARIABLE: address[1]}

    def stop(self) -> None:
        """End it."""
        self._process.kill()

    def _address(self) -> re.Match[str] | None:
        assert self._process.returncode is None, self._process.output
        return _SAID.search(self._process.output)
