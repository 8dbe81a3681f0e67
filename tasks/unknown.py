"""What order messages say that this version does not know: it is dropped, counted, and logged once for each name.

In a rolling deployment other versions send it, and so may any producer. The names are anybody's, so no metric has them.
"""

import itertools
from collections.abc import Callable
from typing import Any, Final

import structlog
from celery.signals import task_received
from prometheus_client import Counter

from orders.schema import unknown_fields
from tasks.orders import PERSIST_ORDER, SCHEMA, VERSIONED

MAX_NAMES: Final = 20  # names that a worker logs; those after them are counted alone
MAX_NAME: Final = 64  # characters of a name in the log

UNKNOWN_FIELDS: Final = Counter(
    "order_messages_unknown_fields",
    "Order messages received with fields that this version does not know; the fields are dropped.",
)
UNKNOWN_SCHEMAS: Final = Counter(
    "order_messages_unknown_schemas",
    "Order messages received whose schema_version this version does not know; they are read all the same.",
)

logger = structlog.stdlib.get_logger(__name__)


class LoggedNames:
    """Logs each name once, and a bounded number of them.

    Args:
        log: called with the name.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._names: set[str] = set()

    def add(self, name: str) -> None:
        """Log a name, unless it has been, or there were too many."""
        shown = name[:MAX_NAME]
        if shown not in self._names and len(self._names) < MAX_NAMES:
            self._names.add(shown)
            self._log(shown)


_fields: Final = LoggedNames(
    lambda name: logger.warning("order messages have a field that is not known here", field=name)
)
_schemas: Final = LoggedNames(
    lambda name: logger.warning("order messages have a schema that is not known", schema=name)
)


def begin_to_count(**_: Any) -> None:
    """On Celery's signal for a worker that starts: its main process receives the orders, and is scraped."""
    task_received.connect(on_received)


def on_received(request: Any, **_: Any) -> None:
    """On Celery's signal for a call that was received."""
    if request.name == PERSIST_ORDER:
        look_at(request.args, request.request_dict)


def look_at(args: Any, headers: dict[str, Any]) -> None:
    """Count and log what is not known of a call.

    Args:
        args: its positional arguments.
        headers: those of its message.
    """
    # A few of thousands are enough, and the next message shows the next.
    unknown = list(itertools.islice(unknown_fields(args[0] if args else None), MAX_NAMES))
    if unknown:
        UNKNOWN_FIELDS.inc()
        for name in unknown:
            _fields.add(name)
    given = (headers.get("message_attributes") or VERSIONED).get(SCHEMA, VERSIONED[SCHEMA])
    version = given.get("StringValue") if isinstance(given, dict) else None
    if version != VERSIONED[SCHEMA]["StringValue"]:
        UNKNOWN_SCHEMAS.inc()
        _schemas.add(str(version))
