"""Flower on the monitor's tables: `install()` replaces what `celery_sqs.overrides` lists; all else is Flower's own.

`flowerconfig.py` calls it before Flower starts. Flower's own /metrics and /healthcheck answer without credentials, as
in any Flower. Needs the extra `celery-sqs[flower]`.
"""

from pkgutil import resolve_name

from celery_sqs.overrides import REPLACED_IN_FLOWER

__all__ = ["install"]


def install() -> None:
    """Have Flower use our tables and queues. It looks these names up when it starts."""
    for theirs, ours in REPLACED_IN_FLOWER.items():
        owner, _, attribute = theirs.rpartition(".")
        setattr(resolve_name(owner), attribute, resolve_name(ours))
