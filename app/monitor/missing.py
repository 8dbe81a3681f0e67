"""The workbench's page of the orders that are missing."""

from collections.abc import Sequence

from celery_sqs.workbench import HostList, Listed
from orders.store import OrderStore


def missing_list(store: OrderStore) -> HostList:
    """The page: each order leads to its time line."""

    def count() -> int:
        return store.missing.count()

    def rows(limit: int) -> Sequence[Listed]:
        return [
            Listed(row.order_id, (row.accepted_at, row.seen_at, row.found_at)) for row in store.missing.newest(limit)
        ]

    return HostList(
        name="missing",
        title="Missing orders",
        lead="Accepted longer ago than the queue keeps a message, and neither stored nor dead. The customer has to "
        "post them again. One that appears after all leaves this list.",
        empty="None. Every accepted order is stored, waiting, dead or discarded, as far as events show.",
        columns=("Accepted", "Last seen", "Found missing"),
        count=count,
        rows=rows,
    )
