"""checkov, in the virtual environment that `make test` gives it."""

import json
from pathlib import Path
from typing import Final

from tests.processes import ROOT, Process

VENV: Final = ROOT / ".venv-checkov"
CONFIGURATION: Final = ROOT / ".checkov.yaml"
TIMEOUT: Final = 60  # seconds; it takes five


def installed() -> bool:
    """Whether its virtual environment is complete."""
    return (VENV / "installed").exists()


def findings(folder: Path) -> list[str]:
    """What it does not like in a module, but for what .checkov.yaml and the files themselves skip."""
    command = [VENV / "bin" / "checkov", "-d", folder, "--config-file", CONFIGURATION, "-o", "json"]
    log = folder.parent / f"{folder.name}-checkov.log"
    process = Process(command, log, {"LOG_LEVEL": "ERROR"})
    try:
        process.wait(TIMEOUT)
    finally:
        process.kill()
    report = json.loads(process.output)
    assert report["summary"]["resource_count"] > 0, report
    results = report["results"]
    failed = [f"{check['check_id']} {check['resource']}: {check['check_name']}" for check in results["failed_checks"]]
    return failed + [f"cannot read {file}" for file in results["parsing_errors"]]
