"""Post a stream of orders to the running `make up` and show the state of each: `make demo`."""

import sys
import time
from typing import Final

import click
from rich.console import Console

from dev.demo.accepted_orders import AcceptedOrders
from dev.demo.client import OrdersApi
from dev.demo.display import Display, result
from dev.demo.stream import USERS, Stream
from dev.local import local_settings, web_url
from dev.tokens import token
from dev.wait import answers

PAUSE: Final = 0.2  # seconds between two rounds of requests for the orders' states
SHOWN: Final = 5  # discrepancies at the end


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
    accepted = AcceptedOrders(orders)
    console = Console()
    started = time.monotonic()
    with Stream(settings, OrdersApi(url, tokens), accepted) as stream, Display(console) as display:
        stream.start(orders, rate)
        _poll_until_complete(stream, accepted, display, started + timeout)
    console.print(result(accepted))
    if discrepancies := accepted.discrepancies():
        sys.exit(f"make demo: after {time.monotonic() - started:.0f} s it does not add up: {_few(discrepancies)}")
    counts = accepted.counts()
    console.print(
        f"It adds up: {counts.accepted} accepted = "
        f"{counts.states['persisted']} persisted + {counts.states['dead']} dead."
    )


def _poll_until_complete(stream: Stream, accepted: AcceptedOrders, display: Display, deadline: float) -> None:
    while not accepted.counts().complete and time.monotonic() < deadline:
        stream.poll_states()
        display.show(accepted.counts())
        time.sleep(PAUSE)


def _few(discrepancies: list[str]) -> str:
    more = [f"and {len(discrepancies) - SHOWN} more"] if len(discrepancies) > SHOWN else []
    return "; ".join(discrepancies[:SHOWN] + more)


if __name__ == "__main__":
    main()
