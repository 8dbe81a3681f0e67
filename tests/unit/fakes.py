"""Hand-written doubles at the edge of the application."""

from app.queue import NotQueued
from orders.order import Order


class FakeQueue:
    """A queue in memory.

    Attributes:
        sent: what was put into it: order and request id.
        traces: the trace context of each.
        error: raised instead of taking an order.
        answers: whether it is reachable.
    """

    def __init__(self):
        self.sent: list[tuple[Order, str]] = []
        self.traces: list[dict[str, str]] = []
        self.error: Exception | None = None
        self.answers = True

    def send(self, order: Order, request_id: str, trace: dict[str, str]) -> str:
        if self.error is not None:
            raise self.error
        self.sent.append((order, request_id))
        self.traces.append(trace)
        return f"task-{len(self.sent)}"

    def reachable(self) -> bool:
        return self.answers

    def refuse(self) -> None:
        """Confirm nothing from now on."""
        self.error = NotQueued("timed out")


class ForbiddenStore:
    """A store for a path that must not touch the database: whatever is asked of it fails the test."""

    def reachable(self) -> bool:
        """Only the readiness probe holds on to this one."""
        raise AssertionError("the database was asked")

    def __getattr__(self, name):
        raise AssertionError(f"the database was touched: {name}")


class BrokenStore:
    """A store with a fault that nobody has foreseen."""

    def reachable(self) -> bool:
        return True

    def get(self, order_id):
        raise RuntimeError("a secret detail of the inside")
