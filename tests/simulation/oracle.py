"""What has to be true at the end of each life."""

from typing import Any

from celery_sqs.tasks.decision import Kind
from tests.simulation.virtual.scheduler import Violation
from tests.simulation.world.plans import MAX_RECEIVES, Plan


def check(life: Any) -> None:
    """Check a life at its end.

    Raises:
        Violation: something is not as it has to be.
    """
    dead: dict[str, list[Any]] = {}
    for message in life.broker.dead():
        dead.setdefault(life.broker.plan(message).key, []).append(message)
    for plan in life.plans:
        copies = dead.get(plan.key, [])
        _check_fate(life, plan, copies)
        if plan.stored > 1 + len(plan.excuses):
            raise Violation(f"{plan.key} was stored by {plan.stored} runs: {plan.excuses}")


def _check_fate(life: Any, plan: Plan, copies: list[Any]) -> None:
    is_stored = plan.key in life.database.rows
    if not is_stored and not copies:
        raise Violation(f"{plan.key} is lost: {plan.excuses}")
    if plan.is_good and not is_stored and len(plan.excuses) + plan.costs < MAX_RECEIVES:
        raise Violation(f"{plan.key} is good, and dead: {plan.excuses}")
    if not plan.is_good and is_stored and not plan.kills_workers and plan.runs[-1] is not plan.runs[0]:
        raise Violation(f"{plan.key} is stored, and was to be dead: {plan.runs}")
    if life.is_calm and (plan.stored_at is None or plan.stored != 1):
        raise Violation(f"{plan.key} was stored by {plan.stored} runs, and nothing was wrong")


def attempts(life: Any, message_id: str) -> list[Kind]:
    """What is on record of a message."""
    return [kind for (each, _), (kind, _) in life.database.attempts.items() if each == message_id]
