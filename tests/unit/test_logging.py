"""Logs show where something went wrong, and nothing that is secret."""

import json
import subprocess
import sys

import pytest

from tests.processes import ROOT

PROGRAM = """
import logging, sys
from config.logging import configure
configure("INFO", sys.argv[1])

def connect(password):
    raise ConnectionError("no database")

try:
    connect("swordfish")
except ConnectionError:
    logging.getLogger("somebody").exception("it failed")
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_the_way_and_no_local_variables(log_format):
    command = [sys.executable, "-c", PROGRAM, log_format]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stderr
    assert "ConnectionError" in said
    assert "no database" in said
    assert "connect" in said
    # The source line that calls with it is in the program itself, which has no file to quote from.
    assert "swordfish" not in said


def test_a_line_is_one_json_object_whatever_is_in_it():
    command = [sys.executable, "-c", PROGRAM, "json"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stderr
    [line] = said.splitlines()
    assert json.loads(line)["event"] == "it failed"
