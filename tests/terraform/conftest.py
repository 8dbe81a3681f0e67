"""The module with its provider, once per session, where this machine can have it."""

import os

import pytest

from tests.terraform import module
from tests.terraform.plan import read_plans
from tests.terraform.provider import Provider


def absent(what):
    """Skip a test for want of something; fail where it has to be there.

    `make test` has to pass on a bare machine, and Terraform is neither on PyPI nor in Debian. CI says
    REQUIRE_TERRAFORM=1 wherever Terraform is.
    """
    if os.environ.get("REQUIRE_TERRAFORM") == "1":
        pytest.fail(f"{what}; REQUIRE_TERRAFORM=1 says that it has to be there")
    pytest.skip(what)  # says what is missing


@pytest.fixture(scope="session")
def fetched(tmp_path_factory):
    """A copy of terraform/ with its provider, which runs."""
    if not module.installed():
        absent("Terraform is not installed; it is neither on PyPI nor in Debian")
    try:
        copy = module.Module.fetch(tmp_path_factory.mktemp("terraform") / "module")
    except module.NoProvider as error:
        absent(f"no AWS provider for Terraform, see tests/terraform/mirror.py: {error}")
    running = Provider(copy.folder)
    copy.variables = running.variables
    yield copy
    running.stop()


@pytest.fixture(scope="session")
def plans(fetched):
    """The plans of whole.tftest.hcl."""
    return read_plans(fetched)
