"""Print how to use what `make up` runs, once all of it is up: the last process of Procfile.dev."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

import click
from sqlalchemy import make_url

from config.settings import Settings
from dev import wait
from dev.local import flower_url, local_settings, web_url
from dev.tokens import LIFETIME, token

USER_ID: Final = 1

_BANNER: Final = """
  Everything is up. Ctrl-C stops it; `make demo`, in another terminal, gives it something to do.

  Orders API   {url}/api/v1/orders
  Its docs     {url}/api/docs
  Readiness    {url}/readyz
  Workbench    {workbench}
  Flower       {flower}
  SQS          {sqs}
  Database     {database}
  Token        {token_text}

Post an order:
curl -isS '{url}/api/v1/orders' -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -d '{order}'

Read it back, the newest one first:
curl -isS '{url}/api/v1/orders?limit=1' -H 'Authorization: Bearer {token}'
"""

_ORDER: Final = '{"productName": "Widget", "quantity": 2, "totalPrice": 99.90}'


def banner(settings: Settings) -> str:
    """The text, with a fresh token."""
    made = token(settings, USER_ID)
    hours = int(LIFETIME.total_seconds() // 3600)
    return _BANNER.format(
        url=web_url(settings),
        workbench=_for_operators(settings, f"{web_url(settings)}/monitor"),
        flower=_for_operators(settings, flower_url(settings)),
        sqs=settings.sqs_endpoint,
        database=make_url(settings.database_url).render_as_string(hide_password=True),
        token=made or "YOUR-TOKEN",
        token_text=f"{made} (user {USER_ID}, {hours} hours)" if made else f"made by {settings.jwt_jwks_url}'s owner",
        order=_ORDER,
    )


def _for_operators(settings: Settings, url: str) -> str:
    if not settings.operators:
        return "off: OPERATORS names nobody"
    name, password = next(iter(settings.operators.items()))
    return f"{url} ({name}, {password})"


def main() -> None:
    """Wait, print the banner and stay: honcho ends everything when one process ends."""
    settings = local_settings("make up")
    wait.wait(f"{web_url(settings)}/readyz")
    started = Path(os.environ["DEV_WORKER_STARTED"])
    deadline = time.monotonic() + wait.TIMEOUT
    while not started.exists():
        if time.monotonic() > deadline:
            sys.exit(f"the worker did not start within {wait.TIMEOUT} s")
        time.sleep(wait.PAUSE)
    if settings.operators:
        wait.wait(f"{flower_url(settings)}/healthcheck")
    click.echo(banner(settings))
    signal.pause()


if __name__ == "__main__":
    main()
