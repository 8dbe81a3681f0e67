"""Hypothesis chooses what happens in a life, and shrinks what fails."""

import time

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import Machine
from tests.simulation.planted import AcksBeforeTheRow
from tests.simulation.virtual.scheduler import Violation

FEW = 60  # lives
MANY = 3000
STEPS = 25  # of a life, at the most
LONGEST = 60  # seconds of processor time until a planted bug is found, and shrunk


def choose(lives, machine=Machine):
    """Have so many lives, always the same ones."""
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


def test_a_planted_bug_is_shrunk_to_one_message():
    began = time.process_time()
    with pytest.raises(Violation, match="is lost") as found:
        choose(MANY, lambda: Machine(AcksBeforeTheRow))
    assert time.process_time() - began < LONGEST
    assert steps_of(found.value) == ["live", "send", "teardown"]


def steps_of(violation):
    """The steps that Hypothesis shows."""
    lines = "\n".join(violation.__notes__).splitlines()
    return [line.removeprefix("state.").split("(")[0] for line in lines if line.startswith("state.")]
