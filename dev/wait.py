"""Wait for a service: `python -m dev.wait URL` ends once a GET of the URL is answered with 200."""

import http.client
import sys
import time
from typing import Final
from urllib.parse import urlsplit

TIMEOUT: Final = 60  # seconds
PAUSE: Final = 0.1  # seconds between two requests
_ANSWER_TIMEOUT: Final = 3  # seconds; /readyz gives its dependencies one


def answers(url: str) -> bool:
    """Whether a GET of the URL is answered with 200 right now. A proxy is never asked."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_ANSWER_TIMEOUT)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait(url: str) -> None:
    """Return once the URL answers; end the process with one line when it does not."""
    deadline = time.monotonic() + TIMEOUT
    while not answers(url):
        if time.monotonic() > deadline:
            sys.exit(f"{url} did not answer within {TIMEOUT} s")
        time.sleep(PAUSE)


if __name__ == "__main__":
    wait(sys.argv[1])
