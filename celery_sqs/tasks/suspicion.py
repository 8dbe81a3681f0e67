"""An error that looks like an outage is only suspected to be one: what happens next decides.

If the probe fails, too, it is an outage. If it succeeds, the call itself may be the cause, such as one whose statement
makes a firewall drop the connection: that shows when it fails alone, again and again, between probes that succeed.
"""

import logging
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from celery.exceptions import SoftTimeLimitExceeded

from celery_sqs import system
from celery_sqs.retry import pause
from celery_sqs.tasks.decision import FailsAlone, RetryPolicy, looks_like_outage

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Runs of one call that all fail like an outage, each of them between two probes that succeed, until it is to blame. An
#: outage that comes and goes would have to come with each run and to be over at each probe.
RUNS: Final = 3

FIRST_PAUSE: Final = 0.2  # seconds before the second run, at the most; doubles from there
LONGEST_PAUSE: Final = 0.5  # seconds


class Suspect(RetryPolicy, Protocol):
    """What is asked of a task; see `celery_sqs.tasks.task.SQSTask`."""

    name: str

    @property
    def has_probe(self) -> bool:
        """Whether `is_back` asks anything."""

    def is_back(self) -> bool:
        """Whether what the task depends on is there."""


def answers(task: Suspect) -> bool:
    """Whether the probe says that what the task depends on is there. No probe, or none in time, says nothing."""
    try:
        return task.has_probe and task.is_back()
    except SoftTimeLimitExceeded:
        return False
    except Exception:
        logger.exception("the probe of %s failed", task.name)
        return False


def confirmed(task: Suspect, run: Callable[[], T]) -> T:
    """Run one call, and return what it returns; again, while it fails like an outage and the probe succeeds.

    Args:
        task: the call's.
        run: runs the call alone. It may do so up to `RUNS` times, as it would after an outage.

    Raises:
        FailsAlone: the call is to blame.
        Exception: an outage, which the probe has confirmed; or any other error of the run.
    """
    suspicion: Exception | None = None
    runs = 0
    while True:
        try:
            if runs:
                system.time.sleep(pause(runs - 1, FIRST_PAUSE, LONGEST_PAUSE))
            runs += 1
            return run()
        except Exception as error:
            # Time was up while we were at it: that says nothing about the call.
            if suspicion is None or not isinstance(error, SoftTimeLimitExceeded):
                suspicion = error
        if not looks_like_outage(task, suspicion) or not answers(task):
            raise suspicion
        if runs == RUNS:
            raise FailsAlone.after(RUNS, suspicion) from suspicion
