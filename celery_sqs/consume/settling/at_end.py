"""A worker's stop: what is in flight is renewed or released, and so is what its last polls still receive."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from celery_sqs import system
from celery_sqs.consume.delivery import Delivery, State
from celery_sqs.consume.in_flight import InFlight

LOOK_EVERY: Final = 0.05  # seconds between two looks whether all polls have ended


class Polling(Protocol):
    """What is asked of who polls."""

    @property
    def is_polling(self) -> bool:
        """Whether a poll may be under way still."""


def settle_all(
    in_flight: InFlight,
    stopped: Sequence[Polling],
    settle: Callable[[Delivery], None],
    is_cut_short: Callable[[], bool],
    timeout: float,
) -> None:
    """Settle what is in flight until no poll receives more.

    Args:
        in_flight: the deliveries.
        stopped: those that poll no more.
        settle: renews or releases a delivery.
        is_cut_short: whether not to wait for polls.
        timeout: seconds to wait for them, at the most.
    """
    end = system.time.monotonic() + timeout
    is_polling = True
    while is_polling:
        is_polling = any(each.is_polling for each in stopped)
        for delivery in in_flight.all():
            if delivery.state is not State.RENEWING:
                settle(delivery)
        if is_cut_short() or system.time.monotonic() > end:
            return
        system.time.sleep(LOOK_EVERY if is_polling else 0)
