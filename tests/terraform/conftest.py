"""The module with its provider, once per session, where this machine can have it."""

import os

import pytest

from tests.terraform import module
from tests.terraform.plan import read_plans
from tests.terraform.provider import Provider


def absent(what):
    """Skip a test for want of something; fail where it has to be there: CI says so wherever Terraform is."""
    if os.environ.get("REQUIRE_TERRAFORM") == "1":
        pytest.fail(f"{what}; REQUIRE_TERRAFORM=1 says that it has to be there")
    # `make test` installs whatever it needs, from PyPI or Debian. Neither has Terraform, and a bare machine must pass.
    pytest.skip(
        f"{what}, and neither PyPI nor Debian has it; where it is installed, REQUIRE_TERRAFORM=1 allows no skip"
    )


@pytest.fixture(scope="session")
def fetched(tmp_path_factory):
    """A copy of terraform/ with its provider, which runs."""
    if not module.installed():
        absent("Terraform is not installed")
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
