"""Flower on the monitor's tables: `install()` replaces what `celery_sqs.overrides` lists; all else is Flower's own.

`celery_sqs.setup` calls it in a process that has loaded Flower, before that starts. Flower's own /metrics and
/healthcheck answer without credentials, as in any Flower. Needs the extra `celery-sqs[flower]`.
"""

from pkgutil import resolve_name
from typing import Final

from tornado.options import options

from celery_sqs.overrides import REPLACED_IN_FLOWER

__all__ = ["install"]

LOOPBACK: Final = "127.0.0.1"


def install() -> None:
    """Have Flower use our tables and queues. It looks these names up when it starts.

    It listens on loopback unless its option `address` says otherwise. Flower's default is every address, without login.
    """
    for theirs, ours in REPLACED_IN_FLOWER.items():
        owner, _, attribute = theirs.rpartition(".")
        setattr(resolve_name(owner), attribute, resolve_name(ours))
    options.address = options.address or LOOPBACK
