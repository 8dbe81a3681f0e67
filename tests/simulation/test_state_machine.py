"""Hypothesis chooses what happens in a life, and shrinks what fails."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import Machine
from tests.simulation.planted import PLANTED
from tests.simulation.virtual.scheduler import Violation

FEW = 80  # lives
MANY = 3000
STEPS = 25  # of a life, at the most


def run(lives, channel=None):
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
    run_state_machine_as_test(Machine if channel is None else lambda: Machine(channel), settings=chosen)


def test_lives_of_chosen_steps_end_well():
    run(FEW)
