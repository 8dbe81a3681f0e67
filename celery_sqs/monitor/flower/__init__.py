"""Flower on the monitor's tables: `install()` replaces what `REPLACED` lists, all else is Flower as it is published.

`flowerconfig.py` calls it before Flower starts. Flower's own /metrics and /healthcheck answer without credentials, as
in any Flower. Needs the extra `celery-sqs[flower]`.
"""

import pkgutil
from typing import Final

from celery_sqs.monitor.flower.broker import Broker, broker_uri
from celery_sqs.monitor.flower.events import Events

__all__ = ["REPLACED", "install"]

#: What of Flower's is replaced, checked against Flower 2.2.0.
REPLACED: Final = {
    "flower.app.Events": Events,
    "flower.app.Flower.broker_uri": property(broker_uri),
    "flower.views.Broker": Broker,
}


def install() -> None:
    """Have Flower use our tables and queues. It looks these names up when it starts."""
    for name, ours in REPLACED.items():
        owner, _, attribute = name.rpartition(".")
        setattr(pkgutil.resolve_name(owner), attribute, ours)
