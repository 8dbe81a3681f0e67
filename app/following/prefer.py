"""The preference `wait` of RFC 7240: how long a client would wait for an answer that says more."""

import re
from typing import Final

from werkzeug.http import parse_list_header

HEADER: Final = "Prefer"
APPLIED_HEADER: Final = "Preference-Applied"

_SECONDS: Final = re.compile(r"[0-9]+", re.ASCII)
_DIGITS: Final = 9  # of the seconds that are read: any others are longer than anybody waits


def wait_preferred(header: str) -> int | None:
    """Seconds that a client would wait; None where it does not say, or not in a form that the RFC has."""
    for preference in parse_list_header(header):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":  # a second one does not count: section 2
            seconds = value.strip().strip('"')
            return int(seconds.lstrip("0")[:_DIGITS] or 0) if _SECONDS.fullmatch(seconds) else None
    return None
