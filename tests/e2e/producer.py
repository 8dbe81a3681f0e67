"""A producer of orders without HTTP: `python -m tests.e2e.producer tasks|tests.e2e.next_version`.

It prints the id of each order once SQS has confirmed it, until it gets SIGTERM.
"""

import importlib
import signal
import sys
import threading

from orders.schema import to_message
from tasks.orders import PERSIST_ORDER
from tests.unit.samples import an_order

THREADS = 4
PAUSE = 0.02  # seconds between two orders of a thread: some hundred orders per second


def produce(task, written, stopped):
    while not stopped.wait(PAUSE):
        order = an_order()
        task.apply_async((written(to_message(order)),))
        sys.stdout.write(f"{order.order_id}\n")
        sys.stdout.flush()


def main(version):
    module = importlib.import_module(version)
    task, written = module.app.tasks[PERSIST_ORDER], getattr(module, "to_next", dict)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    threads = [threading.Thread(target=produce, args=(task, written, stopped)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1])
