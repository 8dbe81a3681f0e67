"""Celery's source distribution from the package index, and its tests unpacked."""

import hashlib
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

REQUIREMENT: Final = Path(__file__).with_name("sdist.txt")
FETCH_TIMEOUT: Final = 300  # seconds

#: The tests, and pytest's settings for them. Without the rest, the tests import the Celery that is installed.
UNPACKED: Final = ("t", "pyproject.toml")


def version() -> str:
    """The version whose tests these are."""
    return _pin()[0]


def fetch(folder: Path) -> Path:
    """The archive in `folder`, which is fetched where it is not there already; pip checks its hash.

    Raises:
        subprocess.SubprocessError: it cannot be fetched.
    """
    number, sha256 = _pin()
    archive = folder / f"celery-{number}.tar.gz"
    if archive.exists() and hashlib.sha256(archive.read_bytes()).hexdigest() == sha256:
        return archive
    # "--no-binary :all:" would have pip build what it builds Celery's metadata with, too.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--no-binary", "celery", "--require-hashes", "--requirement", REQUIREMENT, "--dest", folder]
    subprocess.run([*command, *options], check=True, timeout=FETCH_TIMEOUT)
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """Lay the tests into a folder."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            member.name = member.name.partition("/")[2]  # all is in a folder that is named after the version
            if member.name.partition("/")[0] in UNPACKED:
                tar.extract(member, folder, filter="data")


def _pin() -> tuple[str, str]:
    found = re.search(r"^celery==(\S+) --hash=sha256:(\w+)$", REQUIREMENT.read_text(), re.MULTILINE)
    assert found is not None, f"{REQUIREMENT.name} pins no version and hash"
    return found[1], found[2]
