"""Post a stream of orders to the running `make up` and watch what becomes of each: `make demo`."""

import sys
import time
from typing import Final

import click
from rich.console import Console

from dev.demo.client import OrdersApi
from dev.demo.display import Display, result
from dev.demo.ledger import Ledger
from dev.demo.stream import USERS, Stream
from dev.local import local_settings, web_url
from dev.tokens import token
from dev.wait import answers

PAUSE: Final = 0.2  # seconds between two rounds of asking for the orders' states
SHOWN_FAULTS: Final = 5


@click.command()
@click.option("--orders", type=click.IntRange(min=1), default=200, show_default=True, help="How many orders.")
@click.option("--rate", type=click.FloatRange(min=0.1), default=50.0, show_default=True, help="Orders a second.")
@click.option(
    "--timeout", type=click.IntRange(min=1), default=120, show_default=True, help="Seconds until it gives up."
)
def main(orders: int, rate: float, timeout: int) -> None:
    """Post orders, a few bad ones among them, until each accepted one is persisted or dead."""
    settings = local_settings("make demo")
    url = web_url(settings)
    if not answers(f"{url}/readyz"):
        sys.exit(f"make demo: {url}/readyz does not answer; start `make up` in another terminal, with the same PORT")
    tokens = {user_id: made for user_id in USERS if (made := token(settings, user_id))}
    if not tokens:
        sys.exit("make demo: JWT_JWKS_URL is set, and only its owner can make tokens for the demo's users")
    ledger = Ledger(orders)
    console = Console()
    started = time.monotonic()
    with Stream(settings, OrdersApi(url, tokens), ledger) as stream, Display(console) as display:
        stream.start(orders, rate)
        _follow(stream, ledger, display, started + timeout)
    console.print(result(ledger))
    if faults := ledger.faults():
        sys.exit(f"make demo: after {time.monotonic() - started:.0f} s it does not add up: {_few(faults)}")
    counts = ledger.counts()
    console.print(
        f"It adds up: {counts.accepted} accepted = "
        f"{counts.states['persisted']} persisted + {counts.states['dead']} dead."
    )


def _follow(stream: Stream, ledger: Ledger, display: Display, deadline: float) -> None:
    while not ledger.counts().add_up and time.monotonic() < deadline:
        stream.watch()
        display.show(ledger.counts())
        time.sleep(PAUSE)


def _few(faults: list[str]) -> str:
    more = [f"and {len(faults) - SHOWN_FAULTS} more"] if len(faults) > SHOWN_FAULTS else []
    return "; ".join(faults[:SHOWN_FAULTS] + more)


if __name__ == "__main__":
    main()
