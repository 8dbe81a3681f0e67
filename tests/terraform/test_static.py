"""terraform/ is well-formed, its own tests pass, and checkov finds nothing in it that is not answered."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.terraform import checkov
from tests.terraform.conftest import absent
from tests.terraform.module import SOURCE
from tests.terraform.plan import native_failures

FILES = sorted(path.name for path in SOURCE.glob("tests/*.tftest.hcl"))


@pytest.fixture(scope="module")
def native(fetched):
    """What fails in each of the module's own test files. They run side by side, each starts a provider of its own."""
    with ThreadPoolExecutor() as threads:
        return dict(zip(FILES, threads.map(lambda file: native_failures(fetched, file), FILES), strict=True))


def test_the_files_are_formatted(fetched):
    done = fetched.run("fmt", "-check", "-diff", "-recursive")
    assert done.code == 0, f"run terraform fmt -recursive terraform\n{done.output}"


def test_the_module_is_valid(fetched):
    done = fetched.run("validate")
    assert done.code == 0, done.output
    assert "Warning" not in done.output


@pytest.mark.parametrize("file", FILES)
@pytest.mark.terraform
def test_the_modules_own_tests_pass(native, file):
    assert native[file] == []


def test_there_are_tests_of_the_modules_own():
    assert FILES


def test_checkov_finds_nothing(fetched):
    if not checkov.installed():
        absent("checkov is not installed: make .venv-checkov/installed")
    assert checkov.findings(fetched.folder) == []


def test_whatever_checkov_is_to_skip_has_a_reason():
    files = [checkov.CONFIGURATION, *sorted(SOURCE.rglob("*.tf"))]
    lines = [line for file in files for line in file.read_text().splitlines()]
    skips = [line for line in lines if re.search(r"^\s*- CKV|checkov:skip", line)]
    assert skips
    assert [line for line in skips if not re.search(r"CKV2?_\w+(?: # |:)\S.{15,}", line)] == []


def test_the_module_is_bound_to_no_account_and_no_region():
    text = "\n".join(path.read_text() for path in sorted(SOURCE.rglob("*.tf")))
    assert not re.search(r'^\s*(provider|backend) "', text, re.MULTILINE)
    assert not re.search(r"\b\d{12}\b|\b[a-z]{2}(-[a-z]+)+-\d\b", text)
