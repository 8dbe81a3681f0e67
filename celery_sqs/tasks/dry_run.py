"""The answer of a task's dry run."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """Whether a call would be accepted if its message were sent again.

    Attributes:
        accepted: whether it would succeed, as far as that is known without running it.
        why: in a few words.
    """

    accepted: bool
    why: str


#: The answer of a task that does not implement `dry_run`.
NOT_KNOWN: Final = DryRun(accepted=True, why="would be run; only the run itself shows whether it succeeds")
