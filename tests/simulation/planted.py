"""Bugs that are planted into a worker, for the simulation to find. Each is a channel that does one thing wrong."""

from collections.abc import Collection
from typing import Any, Final

from celery_sqs import system
from celery_sqs.aws.batch_call import batch_call
from celery_sqs.aws.group_commit import Full, GroupCommit
from celery_sqs.consume.delivery import Delivery
from celery_sqs.consume.leases import Leases
from celery_sqs.consume.pauses import Pauses
from celery_sqs.consume.settling.renewer import Renewer
from celery_sqs.consume.settling.settlements import Settlements
from celery_sqs.consume.settling.settler import LIMITS, Settler, _no_bytes
from tests.simulation.world.task import SimulatedChannel


class AcksBeforeTheRow(SimulatedChannel):
    """A message is deleted when its task begins."""

    def hand_over(self, delivery: Delivery) -> None:
        super().hand_over(delivery)
        self.basic_ack(delivery.receipt_handle)


class ReleasesAtStop(SimulatedChannel):
    """A stop releases what has not begun, also on its last receive."""

    def settle_at_stop(self, delivery: Delivery) -> None:
        self._settlements.release(delivery)


class _UnextendedLeases(Leases):
    def _extend(self, queue_url: str, seconds: float, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            delivery.leased_until = system.time.monotonic() + seconds


class ExtendsNoLease(SimulatedChannel):
    """Leases are taken for extended, and SQS is not asked."""

    def _begin(self) -> None:
        super()._begin()
        self._leases.stop()
        self._leases = _UnextendedLeases(self._connect(), self.in_flight, self.heartbeat)
        self._leases.start()


class _DeletingRenewer(Renewer):
    def _send(self, batch: list[Any]) -> None:
        entries = [{"ReceiptHandle": copy.delivery.receipt_handle} for copy in batch if copy.tries == 0]
        batch_call(self._sqs.delete_message_batch, self._queue_url, entries)
        super()._send(batch)


class _DeletingSettlements(Settlements):
    def open(self, queue_url: str) -> None:
        super().open(queue_url)
        self._renewers[queue_url] = _DeletingRenewer(self._connect(0), queue_url, self.delete, self._refused, self.drop)


class RenewsByDeleting(SimulatedChannel):
    """A renewal deletes the old message before SQS has confirmed the copy."""

    settlements = _DeletingSettlements

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settlements = self.settlements(self._connect, self.in_flight, self.qos.ack, self._on_refused)
        self._unbegun._settlements = self.pauses._settlements = self._settlements


class _SilentCommit(GroupCommit[Any]):
    def add(self, entry: Any) -> None:
        with self._changed:
            if self._closed:
                raise Full
            self._start()
            now = system.time.monotonic()
            self._waiting.append((now, entry))
            if self._is_due(now):  # and so the first of a batch wakes nobody
                self._changed.notify()


class _SilentSettler(Settler):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._deletes = _SilentCommit("sqs-delete", self._send_deletes, _no_bytes, LIMITS)


class _SilentSettlements(Settlements):
    def open(self, queue_url: str) -> None:
        super().open(queue_url)
        self._settlers[queue_url] = _SilentSettler(self._connect(0), queue_url)


class LosesAWakeUp(RenewsByDeleting):
    """A delete that waits for others wakes no thread."""

    settlements = _SilentSettlements


class ParksBeforeTheOutage(SimulatedChannel):
    """What is parked may be handed over before the circuit breaker is open."""

    def park(self, delivery_tag: str, task: Any) -> None:
        self.note_park(delivery_tag)
        self.take_back(delivery_tag)
        self.wake()
        self.depend_on(task)


class HandsOverTooEarly(SimulatedChannel):
    """What is received before its `eta` is handed over."""

    def _on_received(self, deliveries: list[Delivery]) -> None:
        self.ready.add(deliveries)
        self.wake()


class _NoPauses(Pauses):
    def set(self, queues: Collection[str]) -> None:
        """Nothing."""


class HearsOfNoPause(SimulatedChannel):
    """The queue may be paused, and the worker goes on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pauses = _NoPauses(self.in_flight, self._settlements, self._unbegun, self.wake)


PLANTED: Final = (
    AcksBeforeTheRow,
    ReleasesAtStop,
    ExtendsNoLease,
    RenewsByDeleting,
    LosesAWakeUp,
    ParksBeforeTheOutage,
    HandsOverTooEarly,
    HearsOfNoPause,
)
