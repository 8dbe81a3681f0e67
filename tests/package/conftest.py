"""celery-sqs, built from this repository and installed alone: nothing of the repository can be imported there."""

import os
import subprocess
import sys
import tarfile

import pytest

from tests.distribution import CORE, NAME
from tests.processes import BIN, ROOT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel, built from the sdist."""
    folder = tmp_path_factory.mktemp("distribution")
    build = [sys.executable, "-m", "hatchling", "build", "-d", folder]
    run([*build, "-t", "sdist"], ROOT)
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    run([*build, "-t", "wheel"], sdist.with_name(sdist.name.removesuffix(".tar.gz")))
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def install(wheel, tmp_path_factory):
    """A function that installs it in an environment of its own; returns the folder of the environment's programs."""

    def installed(group=CORE, resolution="highest"):
        environment = tmp_path_factory.mktemp("environment")
        wanted = f"{NAME} @ {wheel.as_uri()}" if group == CORE else f"{NAME}[{group}] @ {wheel.as_uri()}"
        uv = BIN / "uv"
        run([uv, "venv", "--quiet", "--python", sys.executable, "--allow-existing", environment], environment)
        options = ["--quiet", "--python", environment, "--resolution", resolution]
        run([uv, "pip", "install", *options, wanted], environment)
        return environment / "bin"

    return installed


def run(command, folder, environment=os.environ):
    """Run a program to its end, which has to be a good one; returns what it prints."""
    command = [str(word) for word in command]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout
