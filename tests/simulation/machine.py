"""Hypothesis' state machine: it chooses the conditions of a life and what happens in it, and shrinks what fails."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.simulation.conditions import DUE_IN, Conditions
from tests.simulation.sizes import Sizes
from tests.simulation.steered import END, Steered
from tests.simulation.world.faults import MOST, FaultRates
from tests.simulation.world.plans import BATCH, KINDS, SINGLE, Plan
from tests.simulation.world.task import SimulatedChannel

MOST_WORKERS = 3
MOST_MESSAGES = 12
DAY = 86_400

SIZES = st.builds(
    Sizes,
    workers=st.just(MOST_WORKERS),
    processes=st.sampled_from((1, 2, 3)),
    prefetch=st.sampled_from((100, 20, 4, 1)),
    batch=st.sampled_from((1, 3, 10, 100)),
    messages=st.just(MOST_MESSAGES),
    visibility_timeout=st.sampled_from((6, 12)),
    poll_wait=st.sampled_from((1, 5, 20)),
    retention=st.sampled_from((DAY, 600)),
    task_time=st.sampled_from((0.01, 0.1, 1.0, 5.0)),
    on_hub=st.booleans(),
    lasts=st.just(0.0),  # as long as its steps take
)
RATES = st.builds(
    lambda latency, kinds: FaultRates(latency=latency, **{kind: MOST[kind] for kind in kinds}),
    st.sampled_from((0.001, 0.02, 0.1)),
    st.lists(st.sampled_from(list(MOST)), unique=True),
)
CONDITIONS = st.builds(
    Conditions,
    seed=st.integers(0, 2**16 - 1),
    sizes=SIZES,
    rates=RATES,
    stalls=st.sampled_from((0.0, 0.001, 0.01)),
    preempts=st.sampled_from((0.02, 0.1, 0.4)),
    keeps_record=st.sampled_from((True, True, True, False)),
    orphans_finish=st.booleans(),
)
SLOTS = st.integers(0, MOST_WORKERS - 1)


class Machine(RuleBasedStateMachine):
    """A life, of which each step is chosen, and its end is checked by the oracle.

    Args:
        channel: the class of the workers' channels.
    """

    def __init__(self, channel: type[SimulatedChannel] = SimulatedChannel) -> None:
        super().__init__()
        self._channel = channel
        self._steered: Steered | None = None

    @initialize(conditions=CONDITIONS)
    def live(self, conditions):
        self._steered = Steered(conditions, self._channel)
        self.life = self._steered.life
        self._do(self._start_worker)

    @precondition(lambda self: len(self.life.plans) < MOST_MESSAGES)
    @rule(
        runs=st.sampled_from(list(KINDS)), task=st.sampled_from((BATCH, SINGLE)), due_in=st.sampled_from((0.0, *DUE_IN))
    )
    def send(self, runs, task, due_in):
        plan = Plan(f"m{len(self.life.plans)}", runs, task, due_in)
        self.life.plans.append(plan)
        self._do(lambda: self.life.publish(plan))

    @rule(seconds=st.sampled_from((0.01, 0.1, 1.0, 10.0, 60.0)))
    def let_pass(self, seconds):
        self._do(lambda: self.life.scheduler.sleep(seconds))

    @precondition(lambda self: len(self.life.workers) < MOST_WORKERS)
    @rule()
    def start_worker(self):
        self._do(self._start_worker)

    @rule(slot=SLOTS)
    def kill(self, slot):
        self._do(lambda: self.life.kill_worker(self._worker(slot)))

    @rule(slot=SLOTS)
    def stop(self, slot):
        self._do(lambda: self.life.stop_worker(self._worker(slot)))

    @rule(slot=SLOTS, seconds=st.sampled_from((0.1, 1.0, 5.0, 20.0)))
    def freeze(self, slot, seconds):
        self._do(lambda: self.life.freeze_worker(self._worker(slot), seconds))

    @rule()
    def lose_database_or_give_it_back(self):
        self._do(lambda: self._switch(self.life.database))

    @rule()
    def lose_broker_or_give_it_back(self):
        self._do(lambda: self._switch(self.life.broker))

    @rule()
    def pause_or_resume(self):
        self._do(lambda: self.life.pause(not self.life.is_paused))

    def teardown(self):
        """All comes to its end, and the oracle looks at it."""
        if self._steered is None or self._steered.is_over:
            return
        for each in (self.life.database, self.life.broker):
            if each.is_away:
                self._do(lambda each=each: self.life.give_back(each))
        self._do(END)

    def _start_worker(self):
        self.life.start_worker()
        self.life.scheduler.sleep(0)  # until it is there

    def _worker(self, slot):
        return self.life.workers[slot % len(self.life.workers)]

    def _switch(self, dependency):
        (self.life.give_back if dependency.is_away else self.life.lose)(dependency)

    def _do(self, act):
        self._steered.do(act)
