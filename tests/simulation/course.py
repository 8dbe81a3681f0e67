"""The course of a life that is decided by a seed: messages are sent, and things go wrong."""

import functools
from collections.abc import Callable
from random import Random
from typing import Any

from tests.simulation.conditions import Conditions
from tests.simulation.life import Life, Outcome
from tests.simulation.world.task import SimulatedChannel
from tests.simulation.world.worker import Worker


class Course:
    """What happens in one life.

    Args:
        seed: decides it.

    Attributes:
        is_calm: whether nothing goes wrong.
        conditions: of the life.
        plans: of its messages.
    """

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self.is_calm = random.random() < 0.1
        self.conditions, self.plans = Conditions.draw(random, self.is_calm)

    def __call__(self, life: Life) -> None:
        """Have it happen."""
        sizes = self.conditions.sizes
        for _ in range(sizes.workers):
            life.start_worker()
        life.spawn("producer", functools.partial(_produce, life))
        if self.is_calm:
            life.scheduler.sleep(sizes.lasts)
        else:
            self._go_wrong(life)

    def _go_wrong(self, life: Life) -> None:
        scheduler, random, lasts = life.scheduler, life.scheduler.random, self.conditions.sizes.lasts
        ends = scheduler.now + lasts
        events: list[Callable[[Life], None]] = [_kill, _deploy, _freeze, _lose_database, _lose_broker, _pause]
        chosen = [event for event in events if random.random() < 0.5]
        while scheduler.now < ends:
            scheduler.sleep(random.random() * lasts / 2)
            if chosen:
                random.choice(chosen)(life)


def _produce(life: Life) -> None:
    random, sizes = life.scheduler.random, life.conditions.sizes
    for plan in life.plans:
        if random.random() < 0.5:
            life.scheduler.sleep(random.random() * sizes.lasts / sizes.messages * 2)
        life.publish(plan)


def _one(life: Life) -> Worker:
    return life.scheduler.random.choice(list(life.workers.values()))


def _kill(life: Life) -> None:
    life.kill_worker(_one(life))


def _deploy(life: Life) -> None:
    life.broker.note("a deploy")
    for worker in list(life.workers.values()):
        life.stop_worker(worker)


def _freeze(life: Life) -> None:
    worker = _one(life)
    life.freeze_worker(worker, life.scheduler.random.random() * life.conditions.sizes.visibility_timeout * 2)


def _lose_database(life: Life) -> None:
    _lose(life, life.database)


def _lose_broker(life: Life) -> None:
    _lose(life, life.broker)


def _lose(life: Life, dependency: Any) -> None:
    life.lose(dependency)
    _wait(life)
    life.give_back(dependency)


def _pause(life: Life) -> None:
    life.pause(True)
    _wait(life)
    life.pause(False)


def _wait(life: Life) -> None:
    random = life.scheduler.random
    longest = random.choice((2.0, 2 * life.conditions.sizes.visibility_timeout, 60.0))
    life.scheduler.sleep(random.random() * longest)


def live(seed: int, is_traced: bool = False, channel: type[SimulatedChannel] = SimulatedChannel) -> Outcome:
    """Live the life of a seed."""
    course = Course(seed)
    outcome = Life(course.conditions, course.plans, course, is_traced, channel).live()
    outcome.seed = seed
    return outcome
