"""What has to be true at the end of each life."""

from typing import Any

from tests.simulation.virtual.scheduler import Violation
from tests.simulation.world.plans import MAX_RECEIVES, Plan


def check(life: Any) -> None:
    """Check a life at its end.

    Raises:
        Violation: something is not as it has to be.
    """
    dead = {life.broker.plan(message).key for message in life.broker.dead()}
    for plan in life.plans:
        what = f"{plan.key} ({', '.join(plan.runs)})"
        if problem := _problem(life, plan, plan.key in life.database.rows, plan.key in dead):
            raise Violation(f"{what} {problem}; what excuses more runs and receives: {plan.excuses}")


def _problem(life: Any, plan: Plan, is_stored: bool, is_dead: bool) -> str:
    """What is wrong with a message; empty: nothing."""
    attempts = sum(message_id == plan.message_id for message_id, _ in life.database.attempts)
    # Without a record a stop spends receives of what has not begun, and its own polls may bring that again.
    is_counted = life.keeps_record or not life.stops
    was_dead = plan in life.dead and len(plan.excuses) + plan.costs < MAX_RECEIVES and is_counted
    # With all attempts on record it is dead by right: kills of its own runs are attempts.
    is_left_dead = not is_stored and life.keeps_record and attempts < MAX_RECEIVES
    # What fails in a batch with others may be run again there, and succeed.
    are_wrong = attempts > plan.costs if plan.is_good else attempts != MAX_RECEIVES
    problems = {
        "is lost": not is_stored and not is_dead,
        f"was stored by {plan.stored} runs": plan.stored > 1 + len(plan.excuses),
        "is good, and was dead": plan.is_good and was_dead,
        "is good, and dead, and was not rescued": plan.is_good and is_left_dead,
        "is stored, and was to be dead": not plan.is_good and is_stored,
        f"has {attempts} attempts on record": life.keeps_record and not plan.excuses and are_wrong,
    }
    return next((problem for problem, is_there in problems.items() if is_there), "")
