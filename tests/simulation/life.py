"""One life: messages, workers, and what happens to them, all of it decided by a seed."""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from celery import _state
from celery.worker import state as celery_state

from tests.simulation import oracle
from tests.simulation.sizes import Sizes
from tests.simulation.virtual.scheduler import Process, Scheduler, Violation
from tests.simulation.virtual.seam import simulated
from tests.simulation.world.broker import TASK, Broker
from tests.simulation.world.faults import FaultRates
from tests.simulation.world.plans import MAX_RECEIVES, Plan, draw
from tests.simulation.world.rescuer import Rescuer
from tests.simulation.world.stores import Database
from tests.simulation.world.task import SimulatedChannel, app, task
from tests.simulation.world.worker import Worker

#: Seconds after the last fault within which everything has to be settled.
TIME_TO_SETTLE = 900.0

#: Seconds within which a message is stored while nothing goes wrong and nothing is in its way.
SOON = 0.5

LOOK_EVERY = 1.0  # seconds


@dataclass
class Outcome:
    """What has come of a life."""

    seed: int
    seconds: float
    steps: int
    digest: int
    faults: dict[str, int]
    messages: int
    dead: int
    violation: BaseException | None
    trace: list[str]


class Life:
    """One life.

    Args:
        seed: decides it.
        is_traced: whether to keep a line for each event.
        channel: the class of the workers' channels.
    """

    def __init__(self, seed: int, is_traced: bool = False, channel: type[SimulatedChannel] = SimulatedChannel) -> None:
        self.channel = channel
        random = Random(seed)
        self.is_calm = random.random() < 0.1
        self.seed = seed
        self.sizes = Sizes.draw(random, self.is_calm)
        self.rates = FaultRates.draw(random, self.is_calm)
        stalls = 0.0 if self.is_calm else random.choice((0.0, 0.0, 0.001, 0.01))
        preempts = random.choice((0.02, 0.1, 0.4))
        self.scheduler = Scheduler(random.getrandbits(64), preempts, stalls, is_traced=is_traced)
        self.broker = Broker(self.scheduler, self.rates, self.sizes)
        self.broker.on_kill = lambda process: self.kill(process, self._orphans_finish)
        self.database = Database(self.scheduler, self.rates)
        self.rescuer = Rescuer(self.broker, self.database)
        self.dead: list[Plan] = []
        self.stops = 0
        self.keeps_record = random.random() < 0.9
        self.task_time = self.sizes.task_time
        self.workers: dict[int, Worker] = {}
        self.plans = draw(random, self.sizes.messages, self.is_calm)
        self._orphans_finish = random.random() < 0.5
        self._numbers = 0
        self._outside = self.scheduler.process("outside")

    def live(self) -> Outcome:
        """Live it."""
        violation: BaseException | None = None
        scheduler = self.scheduler
        before, task.life = task.life, self
        task.batch_size = self.sizes.batch
        current = _state._tls.current_app
        disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            with simulated(scheduler):
                _state._tls.current_app = app
                for name in {*app.tasks} - {TASK}:  # those that other tests share among all apps
                    del app.tasks[name]
                scheduler.spawn(self._outside, "life", self._run)
                scheduler.run()
        except Violation as error:
            violation = error
        except Exception as error:
            violation = error
        finally:
            task.life = before
            _state._tls.current_app = current
            logging.disable(disabled)
            celery_state.reset_state()
        dead = sum(plan.is_good for plan in self.dead)
        return Outcome(
            seed=self.seed,
            seconds=scheduler.now,
            steps=scheduler.steps,
            digest=scheduler.digest,
            faults=self.broker.faults,
            messages=len(self.plans),
            dead=dead,
            violation=violation,
            trace=scheduler.trace,
        )

    def stored(self, plan: Plan) -> None:
        """A run has stored a message."""
        plan.stored += 1
        self.database.rows.setdefault(plan.key, self.scheduler.now)
        if plan.stored_at is None:
            plan.stored_at = self.scheduler.now

    def kills_worker(self, process: Process) -> None:
        """A run kills its worker."""
        self.broker.note("a worker that its message killed")
        self.kill(process, orphans_finish=False)

    def kill(self, process: Process, orphans_finish: bool) -> None:
        """A worker is killed; what its pool runs is killed, too, or comes to its end without anybody to hear of it."""
        scheduler = self.scheduler
        scheduler.note("is killed:", process.name)
        self.broker.excuse("a kill", self.broker.in_flight(process))
        children = [] if orphans_finish else [each for each in scheduler.processes if each.worker is process]
        killed = sorted((process, *children), key=lambda each: each is scheduler.current.process)  # one's own last
        for each in killed:
            scheduler.kill(each)

    def _run(self) -> None:
        scheduler, sizes = self.scheduler, self.sizes
        for slot in range(sizes.workers):
            scheduler.spawn(self._outside, f"supervisor {slot}", functools.partial(self._supervise, slot))
        scheduler.spawn(self._outside, "producer", self._produce)
        if self.is_calm:
            scheduler.sleep(sizes.lasts)
        else:
            self._go_wrong()
        self.rates.is_on = False
        self.broker.is_away = self.database.is_away = False
        self._settle()
        self.dead = [self.broker.plan(each) for each in self.broker.dead()]
        if self.keeps_record and self.rescuer.look():
            self._settle()
        for worker in list(self.workers.values()):
            self._stop(worker)
        oracle.check(self)
        scheduler.end()

    def _settle(self) -> None:
        until = self.scheduler.now + TIME_TO_SETTLE
        while not self._is_settled:
            self.scheduler.sleep(LOOK_EVERY)
            if self.scheduler.now > until:
                raise Violation(f"not settled in {TIME_TO_SETTLE:.0f} s: {[each.key for each in self.broker.left()]}")

    @property
    def _is_settled(self) -> bool:
        return len(self.broker.plans) == self.sizes.messages and self.broker.is_empty

    def _produce(self) -> None:
        random = self.scheduler.random
        for plan in self.plans:
            if random.random() < 0.5:
                self.scheduler.sleep(random.random() * self.sizes.lasts / self.sizes.messages * 2)
            self.scheduler.note("sends", plan.key, [str(run) for run in plan.runs])
            self.broker.publish(plan)

    def _supervise(self, slot: int) -> None:
        """Start a worker, and another one where it ends."""
        while True:
            self._numbers += 1
            worker = self.workers[slot] = Worker(self.scheduler, f"worker {self._numbers}", self.sizes)
            while worker.process.is_alive and not worker.has_stopped:
                self.scheduler.sleep(0.5)
            self.scheduler.sleep(self.scheduler.random.random() * 3)

    def _go_wrong(self) -> None:
        scheduler, random = self.scheduler, self.scheduler.random
        ends = scheduler.now + self.sizes.lasts
        events: list[Callable[[], Any]] = [
            self._kill_one,
            self._deploy,
            self._freeze,
            self._lose_database,
            self._lose_broker,
        ]
        chosen = [event for event in events if random.random() < 0.5]
        while scheduler.now < ends:
            scheduler.sleep(random.random() * self.sizes.lasts / 2)
            if chosen:
                random.choice(chosen)()

    def _one(self) -> Worker:
        return self.scheduler.random.choice(list(self.workers.values()))

    def _kill_one(self) -> None:
        worker = self._one()
        if worker.process.is_alive and not worker.has_stopped:
            self.broker.note("a killed worker")
            self.kill(worker.process, self._orphans_finish)

    def _deploy(self) -> None:
        self.broker.note("a deploy")
        for worker in list(self.workers.values()):
            if worker.process.is_alive:
                self.stops += 1
                worker.stop()

    def _freeze(self) -> None:
        worker, seconds = self._one(), self.scheduler.random.random() * self.sizes.visibility_timeout * 2
        if worker.process.is_alive:
            self.broker.note("a frozen worker")
            self.broker.excuse("a frozen worker", self.broker.in_flight(worker.process))
            self.scheduler.note("is frozen:", worker.process.name, round(seconds, 3))
            worker.process.frozen_until = self.scheduler.now + seconds
            self.scheduler.spawn(self._outside, "thaw", functools.partial(self._thaw, worker.process, seconds))

    def _thaw(self, process: Process, seconds: float) -> None:
        self.scheduler.sleep(seconds)
        self.broker.excuse("a frozen worker", self.broker.in_flight(process))

    def _lose_database(self) -> None:
        self.broker.note("an outage of the database")
        self._lose(self.database)

    def _lose_broker(self) -> None:
        self.broker.note("an outage of SQS")
        self.broker.excuse("an outage of SQS", self.broker.left())
        self._lose(self.broker)
        # Polls that were under way have brought more, whose leases may have ended: once for each worker.
        for _ in self.workers:
            self.broker.excuse("an outage of SQS", list(self.broker.plans.values()))

    def _lose(self, dependency: Any) -> None:
        self.scheduler.note("is away:", type(dependency).__name__)
        dependency.is_away = True
        longest = self.scheduler.random.choice((2.0, 2 * self.sizes.visibility_timeout, 60.0))
        self.scheduler.sleep(self.scheduler.random.random() * longest)
        dependency.is_away = False
        self.scheduler.note("is back:", type(dependency).__name__)

    def _stop(self, worker: Worker) -> None:
        """A worker that stops ends all of its threads, in time."""
        worker.stop()
        until = self.scheduler.now + 60
        while worker.process.is_alive and not worker.has_stopped:
            self.scheduler.sleep(0.5)
            if self.scheduler.now > until:
                threads = "\n".join(thread.stack() for thread in worker.process.threads)
                raise Violation(f"{worker.process.name} does not stop:\n{threads}")


def live(seed: int, is_traced: bool = False, channel: type[SimulatedChannel] = SimulatedChannel) -> Outcome:
    """Live the life of a seed."""
    return Life(seed, is_traced, channel).live()


__all__ = ["MAX_RECEIVES", "Life", "Outcome", "live"]
