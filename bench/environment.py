"""The peers' virtual environment: pinned, made by the benchmark, apart from the project's own."""

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from tests.processes import ROOT

REQUIREMENTS: Final = ROOT / "bench" / "peers" / "requirements.txt"
_FOLDER: Final = ROOT / "var" / "bench" / "venv"
_INSTALLED: Final = _FOLDER / "installed"  # holds the hash of what it was made from

INSTALL_TIMEOUT: Final = 300  # seconds


def peers_bin() -> Path:
    """The folder of its programs; makes it first where it is missing or its requirements have changed."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    if not (_INSTALLED.is_file() and _INSTALLED.read_text() == wanted):
        shutil.rmtree(_FOLDER, ignore_errors=True)
        venv.create(_FOLDER, with_pip=True)
        pip = [str(_FOLDER / "bin" / "pip"), "install", "-qq", "--disable-pip-version-check"]
        # pip looks for a wheel of pycurl first: building it needs libcurl's headers.
        command = [*pip, "--prefer-binary", "-r", str(REQUIREMENTS)]
        subprocess.run(command, check=True, timeout=INSTALL_TIMEOUT)  # noqa: S603 - the command is ours
        _INSTALLED.write_text(wanted)
    return _FOLDER / "bin"
