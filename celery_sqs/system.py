"""The clock, threads and sockets of the system, which the framework asks for here and nowhere else.

They are Python's own modules, so asking here costs nothing and patches of them are seen. `tests/simulation`
puts others in their place, and so has the framework's own threads run in an order and in a time of its own.
"""

import os
import threading
import time
from concurrent import futures
from datetime import datetime
from socket import socketpair

#: The process's id: to ask for it costs more than what it is needed for. `celery_sqs.per_process` sets it after a fork.
pid = os.getpid()

now = datetime.now

__all__ = ["futures", "now", "pid", "socketpair", "threading", "time"]
