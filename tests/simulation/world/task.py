"""The tasks of the simulated messages, in an app whose transport calls the simulated SQS."""

import json
import math
from typing import Any

from celery import Celery

import celery_sqs
from celery_sqs.consume.transport import Channel, Transport
from celery_sqs.tasks.batch import BatchTask
from celery_sqs.tasks.task import SQSTask
from tests.simulation.virtual.scheduler import Violation
from tests.simulation.world.broker import URL, WORK
from tests.simulation.world.client import Client
from tests.simulation.world.plans import BATCH, SINGLE, Plan, Run
from tests.simulation.world.stores import AttemptLog, StoreAway


class Permanent(Exception):
    """What no later attempt can fix."""


class Blocked(Exception):
    """What this call alone needs is not to be had."""


class SimulatedChannel(Channel):
    """One that calls the simulated SQS of the life that goes on, and sees that nothing runs into a known outage."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._probes_at_park: dict[str, int] = {}
        self._probes_at_open = 0

    def note_park(self, delivery_tag: str) -> None:
        """A message waits for a probe that succeeds after its run, which may be before it is parked."""
        self._probes_at_park[delivery_tag] = task.life.database.probes

    def park(self, delivery_tag: str, task: Any) -> None:
        self.note_park(delivery_tag)
        delivery = self.in_flight.get(delivery_tag)
        if self.is_waiting and delivery is not None and _plan(delivery).probes_at_end == math.inf:
            # It has not run, and waits for the probe of those that have, which may have succeeded by now.
            self._probes_at_park[delivery_tag] = self._probes_at_open
        super().park(delivery_tag, task)

    def depend_on(self, task: Any) -> None:
        if not self.is_waiting:
            self._probes_at_open = SimulatedTask.life.database.probes
        super().depend_on(task)

    def hand_over(self, delivery: Any) -> None:
        life = task.life
        probes, plan = life.database.probes, life.broker.plans[json.loads(delivery.message["Body"])["key"]]
        at_park = self._probes_at_park.pop(delivery.receipt_handle, None)
        if at_park is not None and min(at_park, plan.probes_at_end) == probes:
            life.scheduler.fail(Violation(f"{plan.key} is handed over in a known outage"))
        plan.probes_at_end = math.inf
        super().hand_over(delivery)

    def _connect(self, wait: float = 0) -> Any:
        life = task.life
        return Client(life.broker, life.scheduler.current.process, wait)


def _plan(delivery: Any) -> Plan:
    plan: Plan = SimulatedTask.life.broker.plans[json.loads(delivery.message["Body"])["key"]]
    return plan


class SimulatedTransport(Transport):
    Channel = SimulatedChannel


class SimulatedTask(SQSTask):
    """Does what the plan of each message says.

    Attributes:
        life: the one that goes on.
    """

    abstract = True
    ignore_result = True
    permanent = (Permanent,)
    blocked = (Blocked,)
    life: Any = None

    @staticmethod
    def is_outage(error: BaseException) -> bool:
        return isinstance(error, StoreAway)

    def is_back(self) -> bool:
        return self.life.database.is_there()

    @property
    def attempt_store(self) -> AttemptLog | None:
        return AttemptLog(self.life.database) if self.life.keeps_record else None

    def outcomes(self, orders: list[Any]) -> list[Any]:
        """What a run of these comes to: the error of each, or None."""
        life = self.life
        plans = [life.broker.plans[order["key"]] for order in orders]
        try:
            return self._run(plans)
        finally:
            for plan in plans:
                plan.probes_at_end = life.database.probes

    def _run(self, plans: list[Plan]) -> list[Any]:
        life = self.life
        life.scheduler.note("runs", [plan.key for plan in plans])
        for plan in plans:
            if life.scheduler.now < plan.due_at:
                life.scheduler.fail(Violation(f"{plan.key} runs before it is due"))
        life.scheduler.sleep(life.scheduler.random.random() * life.task_time)
        runs = [plan.run() for plan in plans]
        if Run.KILLS_WORKER in runs:
            life.kills_worker(life.scheduler.current.process.worker)
        if Run.KILLS_CHILD in runs:
            life.scheduler.kill(life.scheduler.current.process)
        life.database.ask()
        stored = [plan for plan, run in zip(plans, runs, strict=True) if run is Run.STORED]
        for plan in stored:
            life.stored(plan)
        if not life.database.answer():
            life.broker.excuse("a lost answer to the commit", plans)
            raise StoreAway("no answer to a commit")
        return [_OUTCOMES[run]() for run in runs]


_OUTCOMES = {
    Run.STORED: lambda: None,
    Run.FAILS: lambda: ValueError("as planned"),
    Run.IS_PERMANENT: lambda: Permanent("as planned"),
    Run.IS_BLOCKED: lambda: Blocked("as planned"),
    Run.LOOKS_LIKE_OUTAGE: lambda: StoreAway("as planned"),
}


class SimulatedBatch(SimulatedTask, BatchTask):
    name = BATCH

    def run(self, calls: list[Any]) -> list[Any]:
        return self.outcomes([call.args[0] for call in calls])


class SimulatedSingle(SimulatedTask):
    name = SINGLE

    def run(self, order: Any) -> None:
        [outcome] = self.outcomes([order])
        if outcome is not None:
            raise outcome


app = Celery("simulation", set_as_current=False)
celery_sqs.setup(app, queues={WORK: f"{URL}/000000000000/{WORK}"})
app.conf.broker_transport = f"{__name__}:SimulatedTransport"
app.conf.result_backend = None


task: Any = app.register_task(SimulatedBatch())
single: Any = app.register_task(SimulatedSingle())
app.finalize()
