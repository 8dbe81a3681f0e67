"""What .ci/run runs, and that its targets see nothing of the machine's own variables."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from tests.processes import ROOT

#: In place of make: notes its arguments and its environment, and fails at the target that FAILING names.
MAKE = """#!{python}
import json, os, pathlib, sys
folder = pathlib.Path(__file__).parent
with (folder / "calls").open("a") as calls:
    print(json.dumps([sys.argv[1:], dict(os.environ)]), file=calls)
sys.exit(sys.argv[1:] == (folder / "failing").read_text().split())
"""

NEEDED = {
    "HOME": "/home/of/somebody",
    "LANG": "C.UTF-8",
    "PIP_INDEX_URL": "https://packages.example/simple",
    "UV_DEFAULT_INDEX": "https://packages.example/simple",
    "npm_config_registry": "https://packages.example/npm",
    "SSL_CERT_FILE": "/etc/ssl/a file with spaces.pem",
    "NODE_EXTRA_CA_CERTS": "/etc/ssl/certs.pem",
    "https_proxy": "http://proxy.example:3128",
    "NO_PROXY": "localhost",
    "TF_CLI_CONFIG_FILE": "/etc/terraform.rc",
}
OF_THE_MACHINE = {
    "APP_ENV": "production",
    "AWS_PROFILE": "somebody",
    "AWS_CA_BUNDLE": "/etc/ssl/certs.pem",
    "DATABASE_URL": "mysql+pymysql://db.example/orders",
    "FAULTS": "long",
    "MAKEFLAGS": "-k",
    "PYTHONPATH": "/elsewhere",
    "PYTHONUNBUFFERED": "1",
    "SQS_ENDPOINT": "http://sqs.example",
    "TF_VAR_name": "somebody",
    "TMPDIR": "/elsewhere",
    "USER": "somebody",
}


@pytest.fixture
def ci(tmp_path):
    """A function that runs the script with programs that only note their calls: its exit code, and the calls."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / "bin").mkdir()
    script = shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    for name in ("make", "terraform"):
        (tmp_path / "bin" / name).write_text(MAKE.format(python=sys.executable))
        (tmp_path / "bin" / name).chmod(0o755)
    calls = tmp_path / "bin" / "calls"

    def run(failing=""):
        (tmp_path / "bin" / "failing").write_text(failing)
        path = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
        ended = subprocess.run(["bash", script], env=OF_THE_MACHINE | NEEDED | path, check=False)
        return ended.returncode, [json.loads(line) for line in calls.read_text().splitlines()]

    return run


def test_it_runs_every_target_that_checks_something(ci):
    code, calls = ci()
    targets = [target for [target, *_], _ in calls]
    assert (code, targets[:2]) == (0, ["lint", "test"])
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert set(targets[1:]) == {name for name in phony if name.startswith("test")}


def test_it_ends_with_the_first_target_that_fails(ci):
    code, calls = ci(failing="test")
    assert code != 0
    assert [target for [target, *_], _ in calls] == ["lint", "test"]


def test_a_target_sees_what_installing_needs_and_nothing_else_of_the_machine(ci):
    _, calls = ci()
    for _, environment in calls:
        assert environment == NEEDED | {"CI": "true", "REQUIRE_TERRAFORM": "1", "PATH": environment["PATH"]}
