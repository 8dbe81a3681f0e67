"""Who sends orders in a run: clients of the API, and faulty producers that send to the queue themselves."""

import contextlib
import itertools
import json
import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pymysql
import requests

from tests.e2e.conftest import Client
from tests.faults.accepted_orders import OrderRequest, Prediction
from tests.faults.cluster import Cluster
from tests.faults.history import History
from tests.mariadb import rows

CLIENTS: Final = 4
MEAN_INTERVAL: Final = 0.4  # seconds between two orders of a client
SHARE_INVALID: Final = 0.1
SHARE_REPEATED: Final = 0.3
MAX_POSTS: Final = 3  # of one order

ACCEPTED: Final = 202
INVALID: Final = 422
UNAVAILABLE: Final = 503
NO_RESPONSE: Final = 0  # the connection was refused, or broke

FEW: Final = 4  # messages at once

#: Why a message is dead that nobody can read, or that no worker may store.
POISON: Final = Prediction("poison")
PERMANENT: Final = Prediction("permanent")


class Clients:
    """Clients of the API that go on posting orders, whatever fails.

    Args:
        cluster: its record of accepted orders grows.
        client: of the API.
        history: records the responses that should not be.
        seed: of their random numbers.

    Attributes:
        responses: how often each status was answered.
    """

    def __init__(self, cluster: Cluster, client: Client, history: History, seed: int) -> None:
        self.responses: Counter[int] = Counter()
        self._cluster = cluster
        self._client = client
        self._history = history
        self._seed = seed

    @contextlib.contextmanager
    def posting(self) -> Iterator[None]:
        """Post orders as long as the block runs."""
        stopped = threading.Event()
        rngs = [random.Random(self._seed * CLIENTS + number) for number in range(CLIENTS)]
        threads = [threading.Thread(target=self._post_orders, args=(each, stopped), name="client") for each in rngs]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopped.set()
            for thread in threads:
                thread.join()

    def _post_orders(self, rng: random.Random, stopped: threading.Event) -> None:
        while not stopped.wait(rng.expovariate(1 / MEAN_INTERVAL)):
            order = OrderRequest.unique(rng.randrange(1, 1000))
            if rng.random() < SHARE_INVALID:
                self._post_invalid(order)
            elif rng.random() < SHARE_REPEATED:
                key = str(uuid.uuid4())
                for _ in range(rng.randint(2, MAX_POSTS)):
                    self._post(order, key)
            else:
                self._post(order)

    def _post(self, order: OrderRequest, key: str | None = None) -> None:
        try:
            status, _ = self._cluster.post(self._client, key, order)
        except requests.RequestException as error:
            self._cluster.accepted.mark_indeterminate(order)
            status = self._no_response(error)
        self._count(status, {ACCEPTED, UNAVAILABLE, NO_RESPONSE}, order)

    def _post_invalid(self, order: OrderRequest) -> None:
        """Post an order that must be refused. It is recorded nowhere, so if it is stored it is unexpected."""
        try:
            status = self._client.try_post(order.product, quantity=0).status_code
        except requests.RequestException as error:
            status = self._no_response(error)
        self._count(status, {INVALID, NO_RESPONSE}, order)

    def _no_response(self, error: requests.RequestException) -> int:
        if isinstance(error, requests.Timeout):
            self._history.record_violation(f"no response to a POST in time: {error}")
        return NO_RESPONSE

    def _count(self, status: int, allowed: set[int], order: OrderRequest) -> None:
        self.responses[status] += 1
        if status not in allowed:
            self._history.record_violation(f"response {status} to {order}")


class FaultyProducer:
    """Sends messages past the API that must end in the DLQ; each body is unique.

    Args:
        cluster: its record of messages that are expected in the DLQ grows.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def send_poison(self) -> None:
        """Send messages that are no task calls, and calls of a task that does not exist."""
        mark = str(uuid.uuid4())
        self._send(f"no JSON {mark}", POISON)
        self._send(f'["{mark}"', POISON)
        self._send(f'{{"mark": "{mark}", "price": NaN}}', POISON)
        # No envelope of Celery's, so an order of the default task.
        self._send(json.dumps({"mark": mark, "properties": None, "body": "%%%"}), PERMANENT)
        self._send(json.dumps({"mark": mark}), POISON, celery_task="no_such_task", celery_id=mark)
        order = OrderRequest.unique(1).message(str(uuid.uuid4()))
        self._send(order, POISON, celery_task="persist_order", celery_headers="{")

    def send_invalid(self, number: int = FEW) -> None:
        """Send orders that break the rules, with ids of their own."""
        changes: list[dict[str, Any]] = [{"quantity": 0}, {"totalPrice": -1}, {"userId": "me"}, {"productName": " "}]
        for change in itertools.islice(itertools.cycle(changes), number):
            mark = str(uuid.uuid4())
            self._send(json.dumps(json.loads(OrderRequest.unique(1).message(mark)) | change), PERMANENT)

    def send_conflicting(self) -> None:
        """Send other orders under the ids of some that are stored; none while the database is down."""
        found = []
        with contextlib.suppress(pymysql.MySQLError):
            found = rows(self._cluster.database_url, f"SELECT order_id FROM orders ORDER BY RAND() LIMIT {FEW}")
        for [order_id] in found:
            self._send(OrderRequest.unique(2).message(order_id), PERMANENT)

    def send_killers(self, number: int) -> list[str]:
        """Send orders that kill the worker that runs them; returns their ids."""
        ids = [str(uuid.uuid4()) for _ in range(number)]
        for order_id in ids:
            body = OrderRequest.killer().message(order_id)
            self._cluster.queues.send(body)
            self._cluster.accepted.expect_killer_dead(order_id, body)
        return ids

    def _send(self, body: str, prediction: Prediction, **attributes: str) -> None:
        self._cluster.queues.sqs.send_message(
            QueueUrl=self._cluster.queues.url,
            MessageBody=body,
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        )
        self._cluster.accepted.expect_dead(body, prediction)
