"""The environments of the peers and the plots: pinned, made under var/, and separate from the project's own."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.processes import BIN, ROOT

PEERS: Final = ROOT / "bench" / "peers"
PLOTS: Final = ROOT / "bench" / "plots"
NODE: Final = "node"
PYTHON: Final = ("plain_celery", "hand_loop", "dramatiq_sqs", "taskiq_sqs")

_FOLDER: Final = ROOT / "var" / "bench"
_INSTALLED: Final = "installed"  # has the hash of the files that the environment was made from
_TIMEOUT: Final = 300  # seconds


def python_bin(folder: Path) -> Path:
    """The bin folder of the environment of a requirements.txt; makes the environment where it is not up to date."""
    pins = folder / "requirements.txt"
    made, wanted = _FOLDER / folder.name, _hash([pins])
    if not _up_to_date(made, wanted):
        shutil.rmtree(made, ignore_errors=True)
        output([BIN / "uv", "venv", "--quiet", "--python", sys.executable, made])
        output([BIN / "uv", "pip", "install", "--quiet", "--python", made, "-r", pins])
        (made / _INSTALLED).write_text(wanted)
    return made / "bin"


def node_folder() -> Path:
    """The peer in Node with its packages: a copy, as Node looks for packages above the script and nowhere else."""
    files = sorted(path for path in (PEERS / NODE).iterdir() if path.is_file())
    made, wanted = _FOLDER / NODE, _hash(files)
    if not _up_to_date(made, wanted):
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        for file in files:
            shutil.copy(file, made)
        output([BIN / "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline", "--silent"], made)
        (made / _INSTALLED).write_text(wanted)
    return made


def versions() -> dict[str, str]:
    """The pinned versions of the packages that the peers themselves require, by package."""
    found: dict[str, str] = {}
    for folder in (PEERS / name for name in PYTHON):
        wanted = re.findall(r"^[\w-]+", (folder / "requirements.in").read_text(), re.MULTILINE)
        pins = dict(re.findall(r"^([\w-]+)==(\S+)", (folder / "requirements.txt").read_text(), re.MULTILINE))
        found |= {name: pins[name] for name in wanted}
    node: dict[str, str] = json.loads((PEERS / NODE / "package.json").read_text())["dependencies"]
    return found | node


def output(command: Sequence[str | Path], folder: Path = ROOT) -> str:
    """The output of a command.

    Raises:
        RuntimeError: it failed.
    """
    done = subprocess.run(  # noqa: S603 - the commands are ours
        command, cwd=folder, timeout=_TIMEOUT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def _up_to_date(made: Path, wanted: str) -> bool:
    installed = made / _INSTALLED
    return installed.is_file() and installed.read_text() == wanted


def _hash(files: Sequence[Path]) -> str:
    parts = [sys.version.encode(), *(file.read_bytes() for file in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
