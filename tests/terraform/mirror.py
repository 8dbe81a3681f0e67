"""Where on this machine Terraform's AWS provider may lie, so that the tests need no registry.

A folder that holds `registry.terraform.io/hashicorp/aws` is a mirror as Terraform defines one:
https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation
Whether its version and platform suit, `terraform init` knows best: it is asked for one candidate after the other.
"""

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

#: A variable of these tests' own. It comes first.
VARIABLE: Final = "TF_PLUGIN_DIR"

PROVIDER: Final = Path("registry.terraform.io", "hashicorp", "aws")

#: Where software lies that no package manager has put there, and where images put their caches.
SYSTEM: Final = tuple(map(Path, ("/opt", "/srv", "/usr/local", "/usr/share", "/usr/lib", "/var/lib", "/var/cache")))

DEPTH: Final = 4  # levels of folders below a root, the mirror's own included
MOST_FOLDERS: Final = 20_000  # looked into, in all

#: Large, and never a mirror.
_PASSED_BY: Final = frozenset({".git", "node_modules", "site-packages", "__pycache__", "proc", "sys"})

_QUOTED: Final = re.compile(r'^\s*(?:path|plugin_cache_dir)\s*=\s*"([^"]+)"', re.MULTILINE)


def candidates(environment: Mapping[str, str], roots: Sequence[Path] | None = None) -> Iterator[Path]:
    """The mirrors of this machine, the most explicit first, each once.

    Args:
        environment: the variables that say where to look. HOME is the home folder.
        roots: where to search at last; SYSTEM and the home folder unless given.
    """
    seen = set()
    for folder in _folders(environment, roots):
        real = folder.resolve()
        if real not in seen and (real / PROVIDER).is_dir():
            seen.add(real)
            yield real


def _folders(environment: Mapping[str, str], roots: Sequence[Path] | None) -> Iterator[Path]:
    home = Path(environment.get("HOME", "/"))
    yield from map(Path, filter(None, [environment.get(VARIABLE)]))
    for name in ("TF_CLI_ARGS_init", "TF_CLI_ARGS"):
        yield from _plugin_dirs(environment.get(name, ""))
    for file in filter(None, [environment.get("TF_CLI_CONFIG_FILE"), home / ".terraformrc"]):
        yield from _configured(Path(file), environment)
    yield from map(Path, filter(None, [environment.get("TF_PLUGIN_CACHE_DIR")]))
    yield from _implied(environment, home)
    yield from _found((*SYSTEM, home) if roots is None else roots)


def _plugin_dirs(arguments: str) -> Iterator[Path]:
    words = iter(shlex.split(arguments))
    for word in words:
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name == "plugin-dir":
            yield Path(value if equals else next(words, ""))


def _configured(file: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """What a CLI configuration says; Terraform expands variables in there, but no tilde."""
    text = file.read_text(errors="replace") if file.is_file() else ""
    for value in _QUOTED.findall(text):
        yield Path(re.sub(r"\$\{?(\w+)\}?", lambda name: environment.get(name[1], ""), value))


def _implied(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    """https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories."""
    yield home / ".terraform.d" / "plugins"
    yield home / "Library" / "Application Support" / "io.terraform" / "plugins"
    yield Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share", "terraform", "plugins")
    for folder in (environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":"):
        yield Path(folder, "terraform", "plugins")


def _found(roots: Sequence[Path]) -> Iterator[Path]:
    """Search, level by level, so that what lies shallow is found soon."""
    level, left = list(roots), MOST_FOLDERS
    for _ in range(DEPTH):
        below: list[Path] = []
        for folder in level[:left]:
            names = _folders_in(folder)
            if PROVIDER.parts[0] in names:
                yield folder
            below += [folder / name for name in names]
        left = max(0, left - len(level))
        level = below


def _folders_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name for entry in entries if entry.name not in _PASSED_BY and entry.is_dir(follow_symlinks=False)
            )
    except OSError:  # not there, or not ours to read
        return []
