"""What a process has one of is made once in it, and anew in a child."""

import subprocess
import sys

from celery_sqs.per_process import per_process
from tests.processes import ROOT


def test_it_is_made_once_for_each_set_of_arguments():
    made = []
    make = per_process(lambda *args: made.append(args) or list(args))
    assert make(1, 2) is make(1, 2)
    assert make(1) is not make(2)
    assert made == [(1, 2), (1,), (2,)]


def test_a_forked_child_makes_its_own_and_keeps_the_parents():
    program = """
import os
from celery_sqs.per_process import per_process

class Thing:
    def __del__(self):
        os.write(1, b"let go ")  # which might wait for a lock that a thread held at the fork

make = per_process(Thing)
parents = id(make())
child = os.fork()
os.write(1, b"kept " if id(make()) == parents else b"made ")
if not child:
    os._exit(0)
os.waitpid(child, 0)
os._exit(0)
"""
    command = [sys.executable, "-c", program]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout
    assert sorted(output.split()) == ["kept", "made"]
