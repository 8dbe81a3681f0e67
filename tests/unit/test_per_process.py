"""What a process has one of is made once in it, and anew in a child."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from celery_sqs.per_process import per_process
from tests.processes import ROOT


def test_it_is_made_once_for_each_set_of_arguments():
    made = []
    make = per_process(lambda *args: made.append(args) or list(args))
    assert make(1, 2) is make(1, 2)
    assert make(1) is not make(2)
    assert made == [(1, 2), (1,), (2,)]


def test_threads_that_ask_at_the_same_time_get_the_same():
    made = []

    def slowly(name):
        time.sleep(0.05)
        made.append(name)
        return object()

    make = per_process(slowly)
    outer = per_process(lambda name: [make(name)])  # what is made may need something else that is made once
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(outer, ["one"] * 8))
    assert made == ["one"]
    assert len({id(result) for result in results}) == 1


def test_greenlets_that_ask_at_the_same_time_get_the_same():
    program = """
from celery_sqs.per_process import per_process  # before gevent replaces the locks, as with `gunicorn --preload`
from gevent import monkey

monkey.patch_all()
import gevent

def slowly():
    gevent.sleep(0.05)
    made.append(1)
    return object()

made, make = [], per_process(slowly)
greenlets = [gevent.spawn(per_process(lambda: make())) for _ in range(8)]
gevent.joinall(greenlets)
print(len(made), len({id(greenlet.value) for greenlet in greenlets}))
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout == "1 1\n"


def test_a_child_that_is_forked_while_something_is_made_can_make_its_own():
    program = """
import os, signal, threading
from celery_sqs.per_process import per_process

begun, forked = threading.Event(), threading.Event()

def slowly():
    begun.set()
    assert forked.wait(10)

thread = threading.Thread(target=per_process(slowly))
thread.start()
begun.wait(10)
child = os.fork()
if not child:
    signal.alarm(5)  # ends a child that waits for a lock
    per_process(object)()
    os._exit(0)
status = os.waitpid(child, 0)[1]
forked.set()
thread.join()
print(status)
"""
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout == "0\n"


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
