"""Prometheus' text format, as a test reads it."""

from collections.abc import Mapping

import requests
from prometheus_client.parser import text_string_to_metric_families


class Exposition:
    """The metrics of a process.

    Args:
        text: in Prometheus' text format.

    Attributes:
        labels: the labels' names, by sample name.
    """

    def __init__(self, text: str) -> None:
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        self._values = {(sample.name, _frozen(sample.labels)): sample.value for sample in samples}
        self.labels = {sample.name: frozenset(sample.labels) for sample in samples}

    @classmethod
    def of(cls, port: int) -> "Exposition":
        """The metrics at a port of this machine."""
        answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
        assert answer.status_code == 200, answer.text
        return cls(answer.text)

    def value(self, name: str, **labels: str) -> float | None:
        """A sample's value; None if there is no such sample."""
        return self._values.get((name, _frozen(labels)))

    def sum(self, name: str, **labels: str) -> float:
        """The values of all samples of a name which have these labels, added up."""
        return sum(
            value for (named, known), value in self._values.items() if named == name and known >= _frozen(labels)
        )

    def names(self) -> set[str]:
        """The names of all samples."""
        return set(self.labels)


def _frozen(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())
