"""What is on record of accepted orders, out of all tables: a few statements for hundreds of orders."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from celery_sqs.dlq import DeadMessages, SubjectEnd
from celery_sqs.monitor import EventReader, SentSubject, SubjectSigns
from config.queues import ORDER_DLQ, ORDER_QUEUE
from orders.missing.facts import Facts
from orders.missing.fate import ScanFacts
from orders.missing.missing_orders import Ended
from orders.store import OrderStore
from tasks.orders import PERSIST_ORDER

#: Orders that are read in one go.
PAGE: Final = 4500

#: Orders whose facts are asked for in one go. From 1000 on MariaDB makes a table of a list of ids.
AT_ONCE: Final = 900

#: How long a message may be in the queue unnoted: as long as the queue keeps it, after a renewal within its first hour,
#: which no worker notes (`celery_sqs.consume.in_flight.InFlight.renewed_at`).
KEPT_FOR: Final = timedelta(seconds=ORDER_QUEUE.retention) + timedelta(hours=1)

_DLQ_RETENTION: Final = timedelta(seconds=ORDER_DLQ.retention)


class Records:
    """Reads facts about orders. Every method raises SQLAlchemy's errors.

    Args:
        events: what workers and producers report.
        messages: the dead messages.
        store: has the orders, the attempts, and the list of missing orders.
    """

    def __init__(self, events: EventReader, messages: DeadMessages, store: OrderStore) -> None:
        self._events = events
        self._messages = messages
        self._store = store

    def scan_facts(self) -> ScanFacts:
        """What is known of the queue now."""
        as_of = self._messages.began_at()
        return ScanFacts(as_of=as_of, kept_for=KEPT_FOR, renewed_at=self._events.old_renewed_at())

    def accepted(self, since: datetime, until: datetime) -> Iterator[dict[str, datetime]]:
        """The orders accepted within a time by id, some at once: each order once, with when that was first."""
        after = None
        while page := self._events.subjects_sent(PERSIST_ORDER, since, until, after, PAGE):
            after = page[-1].sent_at, page[-1].task_id
            yield from _in_parts(page)

    def unaccounted(self, before: datetime) -> Iterator[dict[str, datetime]]:
        """The orders accepted before an instant whose end is in no event, and those listed as missing."""
        after = None
        while page := self._events.subjects_unaccounted(PERSIST_ORDER, before, after, PAGE):
            after = page[-1].sent_at, page[-1].task_id
            yield from _in_parts(page)
        listed = ""
        while known := self._store.missing.page(listed, AT_ONCE):
            listed = known[-1].order_id
            yield {each.order_id: each.accepted_at for each in known}

    def facts(self, accepted: Mapping[str, datetime]) -> dict[str, Facts]:
        """The facts about these orders, by id: of stored ones only that; up to `AT_ONCE` at once."""
        stored = self._store.missing.stored_among(accepted)
        others = accepted.keys() - stored
        ended = self._store.missing.ended(others) if others else {}
        signs = self._events.signs_of(others) if others else {}
        ends = self._messages.subject_ends(others, _DLQ_RETENTION) if others else {}
        nothing = Ended(failed_at=None, died_at=None), SubjectSigns(seen_at=None, closed_at=None, revoked_at=None)
        return {
            order_id: Facts(accepted_at=at, seen_at=at, is_stored=True)
            if order_id in stored
            else _facts(
                at, ended.get(order_id, nothing[0]), signs.get(order_id, nothing[1]), ends.get(order_id, SubjectEnd())
            )
            for order_id, at in accepted.items()
        }


def _in_parts(page: list[SentSubject]) -> Iterator[dict[str, datetime]]:
    for start in range(0, len(page), AT_ONCE):
        yield {each.subject: each.sent_at for each in reversed(page[start : start + AT_ONCE])}


def _facts(accepted_at: datetime, ended: Ended, signs: SubjectSigns, end: SubjectEnd) -> Facts:
    given_up = [at for at in (end.discarded_at, signs.revoked_at) if at]
    return Facts(
        accepted_at=accepted_at,
        seen_at=max(at for at in (accepted_at, ended.failed_at, signs.seen_at) if at),
        is_dead=end.is_dead,
        died_at=ended.died_at,
        left_at=end.left_at,
        discarded_at=max(given_up, default=None),
        gone_at=signs.closed_at,
    )
