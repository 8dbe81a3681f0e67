"""The machine of a run: what its results depend on, and nothing that names it."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from tests.processes import ROOT

_PACKAGES: Final = ("celery", "kombu", "boto3", "flask", "gunicorn", "sqlalchemy", "pymysql", "ministack")


def facts() -> dict[str, Any]:
    """Processor, memory, versions, and how busy the machine was when the run began."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "mariadb": _mariadb(),
        "packages": {name: version(name) for name in _PACKAGES},
        "commit": _git("rev-parse", "--short", "HEAD"),
        "uncommitted": bool(_git("status", "--porcelain", "--", "app", "celery_sqs", "orders", "tasks", "config")),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return model[1] if model else platform.machine()


def _mariadb() -> str:
    found = re.search(r"\d+\.\d+\.\d+", _output("mariadbd", "--version") or "")
    return found[0] if found else "unknown"


def _git(*arguments: str) -> str | None:
    return _output("git", "-C", str(ROOT), *arguments)


def _output(program: str, *arguments: str) -> str | None:
    found = shutil.which(program)
    if found is None:
        return None
    command = [found, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - ours
    return done.stdout.strip() if done.returncode == 0 else None
