"""Which of the messages in the DLQ something is about."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, true

from celery_sqs.dlq.tables import dead_messages


class Selection:
    """Which of the messages in the DLQ: `Selection.ids(...)`, `Selection.group(...)` or `Selection.all()`."""

    def __init__(self, condition: ColumnElement[bool]) -> None:
        self.condition = condition & dead_messages.c.gone_at.is_(None)

    @classmethod
    def ids(cls, message_ids: Sequence[str]) -> "Selection":
        """Those with these message ids."""
        return cls(dead_messages.c.message_id.in_(message_ids))

    @classmethod
    def group(cls, fingerprint: str) -> "Selection":
        """Those of one group."""
        return cls(dead_messages.c.fingerprint == fingerprint)

    @classmethod
    def all(cls) -> "Selection":
        """Every one."""
        return cls(true())
