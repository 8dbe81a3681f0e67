"""What an action is about: one dead letter, a group of them, or all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import url_for
from werkzeug.exceptions import NotFound

from app.workbench.parts import parts
from tasks.repair.letters import Chosen

LETTER: Final = "letter"
GROUP: Final = "group"
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Scope:
    """What was chosen on a page.

    Attributes:
        kind: `letter`, `group` or `all`.
        name: the letter's message id or the group's fingerprint; "1" with all.
        count: how many letters in the queue that is now.
        reason: why they died, where that is the same for all of them; empty otherwise.
    """

    kind: str
    name: str
    count: int
    reason: str

    @classmethod
    def asked(cls, values: Mapping[str, str], *, allow_all: bool = True) -> "Scope":
        """The scope that a request names: by `letter`, `group` or `all`.

        Raises:
            NotFound: it names none, or nothing of it is in the queue.
        """
        for kind in (LETTER, GROUP, ALL) if allow_all else (LETTER, GROUP):
            if values.get(kind):
                chosen = _chosen(kind, values[kind])
                first = parts().bench.letters.chosen(chosen, None, 1)
                if not first:
                    raise NotFound("Nothing of this is in the DLQ any more, as far as the last look into it could see.")
                reason = first[0].error_class or "no reason on record"
                count = parts().bench.letters.count(chosen)
                return cls(kind, values[kind], count, "" if kind == ALL else reason)
        raise NotFound("Say which letters: letter=, group= or all=1.")

    @property
    def chosen(self) -> Chosen:
        """The same, as the bench takes it."""
        return _chosen(self.kind, self.name)

    @property
    def arguments(self) -> dict[str, str]:
        """The same, as an address spells it."""
        return {self.kind: self.name}

    @property
    def title(self) -> str:
        """What it is, in words."""
        if self.kind == LETTER:
            return f"letter {self.name}"
        letters = "1 letter" if self.count == 1 else f"{self.count:,} letters"
        return f"{letters}: {self.reason}" if self.kind == GROUP else f"all {letters}"

    @property
    def address(self) -> str:
        """The page that shows it."""
        match self.kind:
            case "letter":
                return url_for("monitor.letter", message_id=self.name)
            case "group":
                return url_for("monitor.group", fingerprint=self.name)
        return url_for("monitor.dlq")


def _chosen(kind: str, name: str) -> Chosen:
    match kind:
        case "letter":
            return Chosen.ids([name])
        case "group":
            return Chosen.group(name)
    return Chosen.all()
