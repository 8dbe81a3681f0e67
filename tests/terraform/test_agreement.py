"""What Terraform would make, and what the code counts on, agree: a plan, read as JSON, against config/ and the code.

What each role calls is not in here: no list would show that. test_apply.py records it.
"""

import pytest

from tests.terraform.agreement import CHECKS

RUNS = ("with_a_secret_of_our_own", "with_an_identity_provider")


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_plan_agrees_with_the_code(plans, run, check):
    assert list(check(plans[run])) == []


def test_all_plans_are_looked_at(plans):
    assert plans.keys() == set(RUNS)
