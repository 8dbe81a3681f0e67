"""The peers' environments are pinned, and say nothing of where packages come from."""

import json
import re

import pytest

from bench import peer_environments
from bench.peer_environments import NODE, PEERS, PLOTS, PYTHON, versions

FOLDERS = [*(PEERS / name for name in PYTHON), PLOTS]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_requirement_is_pinned(folder):
    pins = [line for line in (folder / "requirements.txt").read_text().splitlines() if re.match(r"\S", line)]
    loose = [line for line in pins if not line.startswith("#") and not re.fullmatch(r"[\w.-]+==[^,*;\s]+", line)]
    assert not loose
    wanted = re.findall(r"^[\w-]+", (folder / "requirements.in").read_text(), re.MULTILINE)
    assert sorted(set(wanted) - {pin.split("==")[0] for pin in pins}) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("name", ["requirements.in", "requirements.txt"])
def test_no_requirement_names_an_address(folder, name):
    assert not re.findall(r"\S*://\S*|--\S*index\S*", (folder / name).read_text())


def test_nodes_packages_are_locked_by_hash_and_not_by_address():
    lock = json.loads((PEERS / NODE / "package-lock.json").read_text())
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    assert packages
    assert [name for name, facts in packages.items() if "resolved" in facts] == []
    assert [name for name, facts in packages.items() if "integrity" not in facts] == []
    wanted = json.loads((PEERS / NODE / "package.json").read_text())["dependencies"]
    assert lock["packages"][""]["dependencies"] == wanted


def test_the_report_can_name_every_peers_version():
    assert {"celery", "dramatiq", "dramatiq-sqs", "taskiq-aio-sqs", "sqs-consumer", "mysql2"} <= versions().keys()


def test_a_command_that_fails_reports_its_output(tmp_path):
    with pytest.raises(RuntimeError, match="no such file"):
        peer_environments.output(["sh", "-c", "echo no such file >&2; exit 1"], tmp_path)
