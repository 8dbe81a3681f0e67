"""Hypothesis chooses what happens in a life, and shrinks what fails."""

import time

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import Machine
from tests.simulation.planted import AcksBeforeTheRow
from tests.simulation.virtual.scheduler import Violation

FEW = 50  # lives
MANY = 1000
STEPS = 25  # of a life, at the most
FEW_STEPS = 4  # that a failure is shrunk to
LONGEST = 60  # seconds of processor time until a planted bug is found, and shrunk


def choose(lives, machine=Machine):
    """Have so many lives, the same ones each time while the code is the same."""
    chosen = settings(
        max_examples=lives,
        stateful_step_count=STEPS,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=chosen)


def test_lives_of_chosen_steps_end_well():
    choose(FEW)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_many_lives_of_chosen_steps_end_well():
    choose(MANY)


def test_a_planted_bug_is_shrunk_to_a_few_steps():
    began = time.process_time()
    with pytest.raises(Violation) as found:
        choose(MANY, lambda: Machine(AcksBeforeTheRow))
    assert time.process_time() - began < LONGEST
    begin, *steps, end = steps_of(found.value)
    assert (begin, len(steps) <= FEW_STEPS, end) == ("live", True, "teardown"), steps


def steps_of(violation):
    """The steps that Hypothesis shows."""
    lines = "\n".join(violation.__notes__).splitlines()
    return [line.removeprefix("state.").split("(")[0] for line in lines if line.startswith("state.")]
