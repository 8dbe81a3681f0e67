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
    was_dead = plan in life.dead
    # Without a record a stop spends a receive of what has not begun.
    spent = len(plan.excuses) + plan.costs + (0 if life.keeps_record else life.stops)
    if not is_stored and not is_dead:
        return "is lost"
    if plan.stored > 1 + len(plan.excuses):
        return f"was stored by {plan.stored} runs"
    if plan.is_good and was_dead and spent < MAX_RECEIVES:
        return "is good, and was dead"
    # With all attempts on record it is dead by right: kills of its own runs are attempts.
    if plan.is_good and not is_stored and life.keeps_record and attempts < MAX_RECEIVES:
        return "is good, and dead, and was not rescued"
    if not plan.is_good and is_stored:
        return "is stored, and was to be dead"
    # What fails in a batch with others may be run again there, and succeed.
    if (
        life.keeps_record
        and not plan.excuses
        and not (attempts <= plan.costs if plan.is_good else attempts == MAX_RECEIVES)
    ):
        return f"has {attempts} attempts on record"
    return ""
