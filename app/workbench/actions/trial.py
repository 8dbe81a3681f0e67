"""The dry run: which of the letters would today's code accept? Nothing is sent and nothing is written."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from flask import request

from app.workbench.blueprint import page
from app.workbench.parts import parts
from app.workbench.actions.scope import Scope

#: Letters that one page tries. The next page goes on behind them.
TRIED_AT_ONCE: Final = 1000

#: Letters between two breaths: the process takes orders meanwhile.
CHUNK: Final = 100

MAX_EXAMPLES: Final = 3

#: Verdicts that are told one by one. A conflict quotes both orders, so each is a verdict of its own.
MAX_VERDICTS: Final = 20


@dataclass(slots=True)
class Verdict:
    """Letters that would fare alike.

    Attributes:
        accepted: whether they would be accepted.
        why: or why not.
        count: how many.
        examples: message ids of some.
    """

    accepted: bool
    why: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a dry run says.

    Attributes:
        tried: how many letters were tried.
        accepted: how many of these would be accepted.
        verdicts: what was said of them, refusals first, and of these the most frequent first; not all of them.
        untold: how many letters have a verdict that is not among these.
        behind: the last one that was tried, where there are more.
    """

    tried: int
    accepted: int
    verdicts: list[Verdict]
    untold: int
    behind: str | None


@page("/dlq/dry-run", "dry_run.html")
def dry_run() -> dict[str, Any]:
    """Try the letters that the address names, a thousand at a time."""
    scope = Scope.asked(request.args)
    behind = request.args.get("behind")
    return {"now": datetime.now(UTC), "scope": scope, "outcome": try_some(scope, behind), "from_start": not behind}


def try_some(scope: Scope, behind: str | None = None) -> Outcome:
    """Try up to a thousand letters of a scope, starting just behind one."""
    bench = parts().bench
    verdicts: dict[tuple[bool, str], Verdict] = {}
    counts: dict[bool, int] = defaultdict(int)
    tried, more = 0, True
    while tried < TRIED_AT_ONCE and more:
        letters = bench.letters.chosen(scope.chosen, behind, CHUNK)
        for trial in bench.try_out(letters):
            verdict = verdicts.setdefault((trial.accepted, trial.why), Verdict(trial.accepted, trial.why))
            verdict.count += 1
            counts[trial.accepted] += 1
            if len(verdict.examples) < MAX_EXAMPLES:
                verdict.examples.append(trial.message_id)
        tried += len(letters)
        more = len(letters) == CHUNK
        behind = letters[-1].message_id if letters else behind
        time.sleep(0)  # a greenlet gives way to others here
    more = more and bool(bench.letters.chosen(scope.chosen, behind, 1))
    ordered = sorted(verdicts.values(), key=lambda verdict: (verdict.accepted, -verdict.count))
    untold = sum(verdict.count for verdict in ordered[MAX_VERDICTS:])
    return Outcome(tried, counts[True], ordered[:MAX_VERDICTS], untold, behind if more else None)
