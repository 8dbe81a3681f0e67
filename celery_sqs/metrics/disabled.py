"""In place of `celery_sqs.metrics.prometheus` where `prometheus_client` is not installed: nothing is counted."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

_NOT_INSTALLED: Final = b'no metrics: prometheus_client is not installed; pip install "celery-sqs[metrics]"\n'


class _Metric:
    def labels(self, *_values: str) -> "_Metric":
        return self

    def inc(self, _amount: float = 1) -> None:
        """Count nothing."""

    def observe(self, _amount: float) -> None:
        """Count nothing."""


CALLS: Final = _Metric()
RENEWALS: Final = _Metric()
UNRECORDED: Final = _Metric()
BATCH_SIZE: Final = _Metric()


class HealthGauges:
    """The numbers of a worker's health, which nothing reads."""

    def __init__(self, report: Callable[[], Mapping[str, Any]]) -> None:
        """Take what the other `HealthGauges` takes."""

    def register(self) -> None:
        """Nothing."""

    def unregister(self) -> None:
        """Nothing."""


def exposition() -> tuple[HTTPStatus, str, bytes]:
    """The answer to `GET /metrics`: status, content type and body."""
    return HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", _NOT_INSTALLED
