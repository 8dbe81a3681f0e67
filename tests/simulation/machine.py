"""Hypothesis' state machine: it chooses the conditions of a life and what happens in it, and shrinks what fails."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, precondition, rule

from tests.simulation.conditions import Conditions
from tests.simulation.sizes import Sizes
from tests.simulation.steered import END, Steered
from tests.simulation.world.faults import FaultRates
from tests.simulation.world.plans import KINDS, Plan
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
    FaultRates,
    latency=st.sampled_from((0.001, 0.02, 0.1)),
    refused=st.sampled_from((0.0, 0.1)),
    loses_answer=st.sampled_from((0.0, 0.05)),
    fails_entries=st.sampled_from((0.0, 0.1)),
    finds_nothing=st.sampled_from((0.0, 0.3)),
    delivers_again=st.sampled_from((0.0, 0.03)),
    forgets_deletions=st.sampled_from((0.0, 0.03)),
    loses_commit=st.sampled_from((0.0, 0.03)),
    kills_caller=st.sampled_from((0.0, 0.03)),
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
WORKERS = Bundle("workers")


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

    @precondition(lambda self: len(self.life.plans) < MOST_MESSAGES)
    @rule(runs=st.sampled_from(list(KINDS)))
    def send(self, runs):
        plan = Plan(f"m{len(self.life.plans)}", runs)
        self.life.plans.append(plan)
        self._do(lambda: self.life.publish(plan))

    @rule(seconds=st.sampled_from((0.01, 0.1, 1.0, 10.0, 60.0)))
    def let_pass(self, seconds):
        self._do(lambda: self.life.scheduler.sleep(seconds))

    @precondition(lambda self: len(self.life.workers) < MOST_WORKERS)
    @rule(target=WORKERS)
    def start_worker(self):
        return self._do(self._start_worker)

    @rule(slot=WORKERS)
    def kill(self, slot):
        self._do(lambda: self.life.kill_worker(self.life.workers[slot]))

    @rule(slot=WORKERS)
    def stop(self, slot):
        self._do(lambda: self.life.stop_worker(self.life.workers[slot]))

    @rule(slot=WORKERS, seconds=st.sampled_from((0.1, 1.0, 5.0, 20.0)))
    def freeze(self, slot, seconds):
        self._do(lambda: self.life.freeze_worker(self.life.workers[slot], seconds))

    @precondition(lambda self: not self.life.database.is_away)
    @rule()
    def lose_database(self):
        self._do(lambda: self.life.lose(self.life.database))

    @precondition(lambda self: self.life.database.is_away)
    @rule()
    def give_database_back(self):
        self._do(lambda: self.life.give_back(self.life.database))

    @precondition(lambda self: not self.life.broker.is_away)
    @rule()
    def lose_broker(self):
        self._do(lambda: self.life.lose(self.life.broker))

    @precondition(lambda self: self.life.broker.is_away)
    @rule()
    def give_broker_back(self):
        self._do(lambda: self.life.give_back(self.life.broker))

    def teardown(self):
        """All comes to its end, and the oracle looks at it."""
        if self._steered is None or self._steered.is_over:
            return
        if not self.life.workers:
            self._do(self._start_worker)
        for each in (self.life.database, self.life.broker):
            if each.is_away:
                self._do(lambda each=each: self.life.give_back(each))
        self._do(END)

    def _start_worker(self):
        slot = self.life.start_worker()
        self.life.scheduler.sleep(0)  # until it is there
        return slot

    def _do(self, act):
        return self._steered.do(act)
