"""What a build gets to see of the repository: .dockerignore, in the forms that ours uses."""

import re
from pathlib import Path

from tests.processes import ROOT

FILE = ROOT / ".dockerignore"

_FORMS = re.compile(r"\*|!?[\w./-]+|\*\*/[\w.-]+")


def sent(root: Path = ROOT, ignore: Path = FILE) -> list[Path]:
    """The files that are sent to the builder, relative to the root. The last pattern that matches decides."""
    patterns = [line for line in ignore.read_text().splitlines() if line and not line.startswith("#")]
    unknown = [pattern for pattern in patterns if not _FORMS.fullmatch(pattern)]
    assert not unknown, f"teach tests/deployment/context.py these: {unknown}"
    allowed = [pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")]
    # A folder that is ignored as a whole need not be walked through.
    files = [path for name in allowed for path in _files(root / name)]
    return [path.relative_to(root) for path in files if not _ignored(path.relative_to(root), patterns)]


def _files(path: Path) -> list[Path]:
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def _ignored(path: Path, patterns: list[str]) -> bool:
    ignored = False
    for pattern in patterns:
        if _matches(path, pattern.removeprefix("!")):
            ignored = not pattern.startswith("!")
    return ignored


def _matches(path: Path, pattern: str) -> bool:
    """Whether a pattern names a file or a folder that it is in."""
    if pattern == "*":
        return True
    if pattern.startswith("**/"):
        return pattern.removeprefix("**/") in path.parts
    return path.is_relative_to(pattern)
