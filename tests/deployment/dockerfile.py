"""The Dockerfile as data, as far as ours goes: its stages, and what each instruction says."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.processes import ROOT

FILE = ROOT / "Dockerfile"


class Instruction(NamedTuple):
    """A line of it, continuation lines joined."""

    keyword: str
    value: str

    def words(self) -> list[str]:
        """Its words without the options in front."""
        return [word for word in shlex.split(self.value) if not word.startswith("--")]

    def exec_form(self) -> list[str] | None:
        """The command in its exec form; None where it is for a shell."""
        try:
            words = json.loads(self.value)
        except ValueError:
            return None
        return words if isinstance(words, list) else None


@dataclass
class Stage:
    """From a FROM to the next."""

    base: str
    instructions: list[Instruction]

    def all(self, keyword: str) -> list[Instruction]:
        """All its instructions of a kind."""
        return [each for each in self.instructions if each.keyword == keyword]

    def last(self, keyword: str) -> Instruction:
        """The one of a kind that holds."""
        return self.all(keyword)[-1]

    def environment(self) -> dict[str, str]:
        """What its ENV lines set."""
        return dict(word.split("=", 1) for each in self.all("ENV") for word in each.words())


def stages(file: Path = FILE) -> list[Stage]:
    """The stages in their order; the image is the last."""
    lines = [line for line in file.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        keyword, value = line.split(maxsplit=1)
        if keyword == "FROM":
            found.append(Stage(value.split()[0], []))
        else:
            found[-1].instructions.append(Instruction(keyword, value))
    return found
