"""The image, made by hand: a COPY that is missing, or an import of what tests alone have, shows without Docker, too.

It is the same files from the same instructions, with no other packages than those of requirements.txt, run by a user
who may write nowhere but in the folder for temporary files. It is not the same Debian, nor the same Python patch.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.deployment.context import sent
from tests.deployment.dockerfile import Stage, stages
from tests.processes import ROOT, Process

VENV = "/venv"


class Image:
    """What the Dockerfile makes, in a folder.

    Args:
        folder: where it is made; whoever runs it must be able to get there.
        python: the interpreter in place of the base image's.
        as_its_user: whether the image's user runs it, or else the one who runs the tests.
    """

    def __init__(self, folder: Path, python: Path, *, as_its_user: bool) -> None:
        build, self._stage = stages()
        user, _, group = self._stage.last("USER").value.partition(":")
        self._uid = int(user) if as_its_user else None
        # Root without its capabilities is held to the rights of files as everybody is.
        powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
        self._become = setpriv(int(user), int(group)) if as_its_user else powerless
        self.root, self.temporary, self._venv = folder / "srv", folder / "tmp", folder / "venv"
        self.temporary.mkdir()
        if as_its_user:
            os.chown(self.temporary, int(user), int(group))
        _copy(build, folder / "build")
        _copy(self._stage, self.root)
        self._install(python, folder / "build")
        self._forbid_writing()

    @property
    def command(self) -> list[str]:
        """What it runs without another command."""
        words = self._stage.last("CMD").exec_form()
        assert words is not None
        return words

    def run(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Process:
        """Run a command in it, on loopback."""
        own = self._stage.environment() | {"PATH": f"{self._venv}/bin:/usr/bin:/bin", "HOME": "/"}
        temporary = {"TMPDIR": str(self.temporary)}
        everything = own | {"BIND_HOST": "127.0.0.1"} | temporary | dict(environment)
        program = self._venv / "bin" / command[0]
        return Process([*self._become, program, *command[1:]], log, everything, self.root)

    def written(self) -> list[Path]:
        """What its user has left where everybody may write, but for the folder it is given."""
        shared = [Path(name) for name in ("/tmp", "/var/tmp", "/dev/shm")]  # noqa: S108
        found = [path for folder in shared if folder.is_dir() for path in folder.iterdir()]
        return [path for path in found if path.lstat().st_uid == self._uid]

    def _install(self, python: Path, build: Path) -> None:
        own = self._venv / "bin" / "python"
        pip = [sys.executable, "-m", "pip", "--python", own, "install", "--quiet", "--disable-pip-version-check"]
        for command in (
            [python, "-m", "venv", "--without-pip", self._venv],
            [*pip, "--only-binary", ":all:", "--requirement", build / "requirements.txt"],
            [*pip, "--no-deps", build],
            [own, "-m", "compileall", "-q", self.root],
        ):
            made = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
            assert made.returncode == 0, f"{command}\n{made.stdout}\n{made.stderr}"

    def _forbid_writing(self) -> None:
        """Its user may not write in there, be that its owner or not."""
        for path in (self.root, *self.root.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)

    def remove(self) -> None:
        """Remove all of it."""
        for path in (self.root, *self.root.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(self.root.parent)


def _copy(stage: Stage, root: Path) -> None:
    """What a stage copies of the repository."""
    context = sent()
    for instruction in stage.all("COPY"):
        if "--from=" in instruction.value:
            continue
        *sources, target = instruction.words()
        for source in sources:
            _copy_one(Path(source), root / target, [path for path in context if path.is_relative_to(source)])


def _copy_one(source: Path, target: Path, files: Sequence[Path]) -> None:
    """Copy a file into a folder, or the contents of a folder: that is what COPY does."""
    assert files, f"COPY {source}: there is none, or .dockerignore leaves it out"
    is_file = list(files) == [source]
    for path in files:
        to = target / (path.name if is_file else path.relative_to(source))
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, to)


def setpriv(uid: int, gid: int) -> list[str]:
    """The beginning of a command that another user runs."""
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs"]


def interpreter() -> tuple[Path, bool]:
    """A Python of this minor version, and whether the image's user may run it.

    Only root can become somebody else, and a Python in a home folder is its owner's alone. Without one that
    others may run, the tests' own user runs the image; then its files cannot be distinguished from those of the tests.
    """
    own, name = Path(os.path.realpath(sys.executable)), f"python{sys.version_info.major}.{sys.version_info.minor}"
    if os.geteuid() != 0:
        return own, False
    uid, _, gid = stages()[-1].last("USER").value.partition(":")
    for python in (own, Path("/usr/local/bin", name), Path("/usr/bin", name)):
        become = [*setpriv(int(uid), int(gid)), str(python), "-c", "import venv"]
        if subprocess.run(become, capture_output=True, cwd="/", check=False).returncode == 0:
            return python, True
    return own, False
