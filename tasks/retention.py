"""How long failed attempts, dead messages and repairs are kept, and what deletes them afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from celery_sqs.dlq import purge_dead_messages, purge_repairs
from config.settings import MAX_DAYS_ON_ITS_WAY
from orders.retention import purge_attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What was deleted.

    Attributes:
        attempts: failed attempts.
        dead_messages: messages that had left the DLQ.
        repairs: rows of repairs: one each, and one for each message of it.
    """

    attempts: int
    dead_messages: int
    repairs: int


def purge(conf: Any, engine: Engine, keep_on: Callable[[], bool] = lambda: True) -> Purged:
    """Delete what is older than the settings say.

    Args:
        conf: the Celery app's, with `attempt_retention_days` and `repair_retention_days`.
        engine: to the database.
        keep_on: asked before each batch, whether to go on.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    now = datetime.now(UTC)
    attempts_before = now - timedelta(days=conf.attempt_retention_days)
    repairs_before = now - timedelta(days=conf.repair_retention_days)
    return Purged(
        attempts=purge_attempts(engine, attempts_before, timedelta(days=MAX_DAYS_ON_ITS_WAY), keep_on),
        dead_messages=purge_dead_messages(engine, attempts_before, keep_on),
        repairs=purge_repairs(engine, repairs_before, keep_on),
    )
