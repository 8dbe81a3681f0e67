"""Compares accepted orders with what has become of them, and keeps the list of those that are missing."""

import heapq
from collections import Counter
from datetime import datetime

import structlog

from app.reconciliation.reconciliation import MOST_NAMED, Missing, Reconciliation
from app.reconciliation.records import Records
from orders.missing.facts import Facts
from orders.missing.fate import Fate, ScanFacts
from orders.store import OrderStore

logger = structlog.stdlib.get_logger(__name__)


class Reconciler:
    """Reconciles. Every method raises SQLAlchemy's errors.

    Args:
        records: what is on record of orders.
        store: has the list of those that are missing.
    """

    def __init__(self, records: Records, store: OrderStore) -> None:
        self._records = records
        self._store = store

    def reconcile(self, since: datetime, until: datetime) -> Reconciliation:
        """What has become of the orders that were accepted from an instant on, and before another; it changes nothing.

        An order whose task-sent event was lost, or is older than events are kept, is not among them.
        """
        scan_facts, counts, missing = self._records.scan_facts(), Counter[str](), list[Missing]()
        for accepted in self._records.accepted(since, until):
            for order_id, facts in self._records.facts(accepted).items():
                fate = scan_facts.fate(facts)
                counts[fate] += 1
                if fate is Fate.MISSING:
                    missing.append(_missing(order_id, facts))
            missing = heapq.nsmallest(MOST_NAMED, missing, key=lambda each: (each.accepted_at, each.order_id))
        return Reconciliation(
            since=since,
            until=until,
            accepted=counts.total(),
            fates={str(fate): counts[fate] for fate in Fate},
            missing=missing,
            before=scan_facts.before,
        )

    def refresh(self) -> None:
        """Bring the list of missing orders up to date: with those that no event accounts for, and without the found."""
        scan_facts = self._records.scan_facts()
        if scan_facts.before is None:
            return
        for accepted in self._records.unaccounted(scan_facts.before):
            self._update(scan_facts, self._records.facts(accepted))

    def _update(self, scan_facts: ScanFacts, orders: dict[str, Facts]) -> None:
        missing = {order_id for order_id, facts in orders.items() if scan_facts.fate(facts) is Fate.MISSING}
        found = self._store.missing.remove(orders.keys() - missing)
        new = self._store.missing.add(
            [(order_id, orders[order_id].accepted_at, orders[order_id].last_seen_at) for order_id in sorted(missing)]
        )
        for order_id in found:
            logger.warning("a missing order is found", order_id=order_id)
        if new:
            logger.error("orders are missing", orders=len(new), order_id=new[0])


def _missing(order_id: str, facts: Facts) -> Missing:
    return Missing(order_id=order_id, accepted_at=facts.accepted_at, seen_at=facts.last_seen_at)
