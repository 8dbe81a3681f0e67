"""The addresses of the development commands: an API and an SQS emulator, on this machine only."""

import sys
from typing import Final
from urllib.parse import urlsplit

from config.settings import Settings, boot

#: Where everything listens: the development secrets are public, so nobody else may reach it.
LOOPBACK: Final = "127.0.0.1"

_HTTP_PORT: Final = 80


def local_settings(command: str) -> Settings:
    """The settings; ends the process with one line if SQS_ENDPOINT is not on this machine."""
    settings = boot()
    endpoint = urlsplit(settings.sqs_endpoint or "")
    if endpoint.scheme != "http" or endpoint.hostname not in {LOOPBACK, "localhost"}:
        sys.exit(
            f"{command}: SQS_ENDPOINT is {settings.sqs_endpoint}, but {command} works with an emulator "
            "on this machine only, such as http://127.0.0.1:4566"
        )
    return settings


def sqs_port(settings: Settings) -> int:
    """The emulator's port."""
    return urlsplit(settings.sqs_endpoint or "").port or _HTTP_PORT


def web_url(settings: Settings) -> str:
    """The URL of the API."""
    return f"http://{LOOPBACK}:{settings.port}"


def flower_url(settings: Settings) -> str:
    """The URL of Flower."""
    return f"http://{LOOPBACK}:{settings.flower_port}"
