"""The demo's stream of orders: mostly good ones, some repeated, some refused, some that cannot succeed."""

import http
import json
import random
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self, TypeVar

import requests
from botocore.exceptions import BotoCoreError, ClientError

from celery_sqs import boto3_client
from config.settings import Settings
from dev.demo.client import OrdersApi, Unavailable
from dev.demo.ledger import Ledger
from orders.identity import Identity
from tasks.application import endpoint

T = TypeVar("T")

USERS: Final = (101, 102, 103, 104)
THREADS: Final = 8  # that post, and as many that look after what was posted
WATCHED: Final = 100  # orders asked for in a round; asking for all would slow down what is watched
PAUSE: Final = 0.5  # seconds before something that was unavailable is tried again

#: Every so many orders, one of each special kind.
CYCLE: Final = 20
_REFUSED, _FAULTY, _REPEATED = 5, 10, 15

_PRODUCTS: Final = ("Widget", "Gadget", "Sprocket", "Flange", "Grommet")
#: What the API must answer with 422.
_INVALID: Final[tuple[dict[str, object], ...]] = ({"quantity": 0}, {"totalPrice": -1}, {"productName": " "})


class Stopped(Exception):
    """The demo ended before an answer came."""


class Stream:
    """Sends orders at a steady rate and watches what becomes of them.

    Args:
        settings: the secret of the order ids, and where SQS is.
        api: where orders are posted.
        ledger: what is told of each order.
    """

    def __init__(self, settings: Settings, api: OrdersApi, ledger: Ledger) -> None:
        self._api = api
        self._ledger = ledger
        self._identity = Identity(settings.order_id_secret)
        self._sqs = boto3_client(endpoint(settings))
        self._queue_url = settings.sqs_queue_url
        self._stopped = threading.Event()
        self._senders = ThreadPoolExecutor(THREADS)
        self._watchers = ThreadPoolExecutor(THREADS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._senders.shutdown(cancel_futures=True)
        self._watchers.shutdown(cancel_futures=True)

    def start(self, orders: int, rate: float) -> None:
        """Send so many orders, so many a second, on threads of its own."""
        self._watchers.submit(self._pace, orders, rate)

    def watch(self) -> None:
        """Ask for the states of some orders that are still on their way."""
        waiting = self._ledger.open_orders()
        for _ in self._watchers.map(self._look, random.sample(waiting, min(len(waiting), WATCHED))):
            pass

    def _pace(self, orders: int, rate: float) -> None:
        started = time.monotonic()
        for number in range(orders):
            if self._stopped.wait(max(0.0, started + number / rate - time.monotonic())):
                return
            self._senders.submit(self._send, number)

    def _send(self, number: int) -> None:
        special = {_REFUSED: self._post_invalid, _FAULTY: self._produce_faulty, _REPEATED: self._post_twice}
        try:
            special.get(number % CYCLE, self._post_good)(number)
        except Stopped:
            return
        # Whatever else happens is told at the end rather than lost on a thread.
        except Exception as error:
            self._ledger.complain(f"order {number}: {error!r}")
        self._ledger.answer()

    def _post_good(self, number: int) -> None:
        self._accepted(number, self._post(number, _order(number), str(uuid.uuid4())))

    def _post_twice(self, number: int) -> None:
        key = str(uuid.uuid4())
        first = self._accepted(number, self._post(number, _order(number), key))
        second = self._accepted(number, self._post(number, _order(number), key))
        if first is not None and first == second:
            self._ledger.repeat()
        else:
            self._ledger.complain(f"the repeated order {number} got the ids {first} and {second}")

    def _post_invalid(self, number: int) -> None:
        invalid = _order(number) | _INVALID[number // CYCLE % len(_INVALID)]
        response = self._post(number, invalid, str(uuid.uuid4()))
        if response.status_code == http.HTTPStatus.UNPROCESSABLE_ENTITY:
            self._ledger.refuse()
        else:
            self._ledger.complain(f"an invalid order was answered with {response.status_code}: {response.text}")

    def _produce_faulty(self, number: int) -> None:
        """Be a foreign producer with a bug: it sends the message itself, and nobody checks it before the worker."""
        user_id = _user(number)
        order_id = str(self._identity.issue(user_id))
        message = _order(number) | {
            "orderId": order_id,
            "userId": user_id,
            "quantity": 0,
            "status": "pending",
            "timestamp": datetime.now(UTC).isoformat(),
        }
        self._until_available(lambda: self._produce(json.dumps(message)))
        self._ledger.accept(order_id, user_id, foreign=True)

    def _produce(self, body: str) -> None:
        try:
            self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(str(error)) from error

    def _post(self, number: int, order: dict[str, object], key: str) -> requests.Response:
        return self._until_available(lambda: self._api.post(_user(number), order, key))

    def _accepted(self, number: int, response: requests.Response) -> str | None:
        if response.status_code != http.HTTPStatus.ACCEPTED:
            self._ledger.complain(f"a valid order was answered with {response.status_code}: {response.text}")
            return None
        order_id: str = response.json()["orderId"]
        self._ledger.accept(order_id, _user(number))
        return order_id

    def _until_available(self, request: Callable[[], T]) -> T:
        while not self._stopped.is_set():
            try:
                return request()
            except Unavailable:
                self._stopped.wait(PAUSE)
        raise Stopped

    def _look(self, order: tuple[str, int]) -> None:
        order_id, user_id = order
        try:
            known = self._api.state(user_id, order_id)
        except Unavailable:
            return
        wait = None
        if known["state"] == "persisted":
            took = datetime.fromisoformat(known["persistedAt"]) - datetime.fromisoformat(known["timestamp"])
            wait = took.total_seconds()
        self._ledger.see(order_id, known["state"], wait)


def _user(number: int) -> int:
    return USERS[number % len(USERS)]


def _order(number: int) -> dict[str, object]:
    quantity = number % 9 + 1
    return {
        "productName": _PRODUCTS[number % len(_PRODUCTS)],
        "quantity": quantity,
        "totalPrice": round(quantity * 19.95, 2),
    }
