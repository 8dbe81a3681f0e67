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
from dev.demo.accepted_orders import AcceptedOrders
from dev.demo.client import OrdersApi, Unavailable
from orders.identity import Identity
from tasks.application import endpoint

T = TypeVar("T")

USERS: Final = (101, 102, 103, 104)
THREADS: Final = 8  # that post, and as many that ask for states
POLLED: Final = 100  # orders whose states are asked for in a round; all of them would slow the service down
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
    """Sends orders at a steady rate and asks for their states.

    Args:
        settings: the secret of the order ids, and where SQS is.
        api: where orders are posted.
        accepted: records the orders and their states.
    """

    def __init__(self, settings: Settings, api: OrdersApi, accepted: AcceptedOrders) -> None:
        self._api = api
        self._accepted = accepted
        self._identity = Identity(settings.order_id_secret)
        self._sqs = boto3_client(endpoint(settings))
        self._queue_url = settings.sqs_queue_url
        self._stopped = threading.Event()
        self._senders = ThreadPoolExecutor(THREADS)
        self._pollers = ThreadPoolExecutor(THREADS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._senders.shutdown(cancel_futures=True)
        self._pollers.shutdown(cancel_futures=True)

    def start(self, orders: int, rate: float) -> None:
        """Send so many orders, so many a second, on threads of its own."""
        self._pollers.submit(self._send_at_rate, orders, rate)

    def poll_states(self) -> None:
        """Ask for the states of some orders that are neither persisted nor dead."""
        unfinished = self._accepted.unfinished()
        for _ in self._pollers.map(self._poll_state, random.sample(unfinished, min(len(unfinished), POLLED))):
            pass

    def _send_at_rate(self, orders: int, rate: float) -> None:
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
        # Any other error is reported at the end rather than lost on a thread.
        except Exception as error:
            self._accepted.add_error(f"order {number}: {error!r}")
        self._accepted.count_answered()

    def _post_good(self, number: int) -> None:
        self._add_accepted(number, self._post(number, _order(number), str(uuid.uuid4())))

    def _post_twice(self, number: int) -> None:
        key = str(uuid.uuid4())
        first = self._add_accepted(number, self._post(number, _order(number), key))
        second = self._add_accepted(number, self._post(number, _order(number), key))
        if first is not None and first == second:
            self._accepted.count_duplicate()
        else:
            self._accepted.add_error(f"the repeated order {number} got the ids {first} and {second}")

    def _post_invalid(self, number: int) -> None:
        invalid = _order(number) | _INVALID[number // CYCLE % len(_INVALID)]
        response = self._post(number, invalid, str(uuid.uuid4()))
        if response.status_code == http.HTTPStatus.UNPROCESSABLE_ENTITY:
            self._accepted.count_refused()
        else:
            self._accepted.add_error(f"an invalid order was answered with {response.status_code}: {response.text}")

    def _produce_faulty(self, number: int) -> None:
        """Send an invalid order as another producer would: no check comes before the worker's."""
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
        self._accepted.add(order_id, user_id, foreign=True)

    def _produce(self, body: str) -> None:
        try:
            self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(str(error)) from error

    def _post(self, number: int, order: dict[str, object], key: str) -> requests.Response:
        return self._until_available(lambda: self._api.post(_user(number), order, key))

    def _add_accepted(self, number: int, response: requests.Response) -> str | None:
        if response.status_code != http.HTTPStatus.ACCEPTED:
            self._accepted.add_error(f"a valid order was answered with {response.status_code}: {response.text}")
            return None
        order_id: str = response.json()["orderId"]
        self._accepted.add(order_id, _user(number))
        return order_id

    def _until_available(self, request: Callable[[], T]) -> T:
        while not self._stopped.is_set():
            try:
                return request()
            except Unavailable:
                self._stopped.wait(PAUSE)
        raise Stopped

    def _poll_state(self, order: tuple[str, int]) -> None:
        order_id, user_id = order
        try:
            known = self._api.state(user_id, order_id)
        except Unavailable:
            return
        persist_time = None
        if known["state"] == "persisted":
            elapsed = datetime.fromisoformat(known["persistedAt"]) - datetime.fromisoformat(known["timestamp"])
            persist_time = elapsed.total_seconds()
        self._accepted.set_state(order_id, known["state"], persist_time)


def _user(number: int) -> int:
    return USERS[number % len(USERS)]


def _order(number: int) -> dict[str, object]:
    quantity = number % 9 + 1
    return {
        "productName": _PRODUCTS[number % len(_PRODUCTS)],
        "quantity": quantity,
        "totalPrice": round(quantity * 19.95, 2),
    }
