"""The order intake's Celery app, but for orders that kill: `celery -A tests.faults.killing_app worker`.

An order may crash whatever runs it: by the memory it takes, or by a defect of a library in C. Here it is a SIGKILL to
the process group, so that the pool's processes, the main process and its report of what it lost end at once, as when a
container ends.
"""

import os
import signal
from typing import Any

from celery_sqs import Call
from config.settings import boot
from tasks.application import create_celery
from tasks.orders import PERSIST_ORDER
from tests.faults.accepted_orders import KILLER

app = create_celery(boot())
_Original: Any = type(app.tasks[PERSIST_ORDER])


class KillingTask(_Original):
    """`persist_order`, which never returns where one of its orders kills."""

    def run(self, calls: list[Call]) -> list[BaseException | None]:
        """Store the orders, or end the process group."""
        if any(_kills(call) for call in calls):
            os.killpg(os.getpgid(0), signal.SIGKILL)
        return super().run(calls)


def _kills(call: Call) -> bool:
    message = call.args[0] if call.args else None
    product = message.get("productName") if isinstance(message, dict) else None
    return isinstance(product, str) and product.startswith(KILLER)


app.register_task(KillingTask())
