"""Who sends orders in a storm: customers of the API, and producers of what does not belong in the queue."""

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
from tests.faults.journal import Journal
from tests.faults.oracle import Placed
from tests.faults.stage import Stage
from tests.mariadb import rows

CUSTOMERS: Final = 4
PAUSE: Final = 0.4  # seconds between two orders of a customer, on average
SHARE_INVALID: Final = 0.1
SHARE_REPEATED: Final = 0.3
MOST_POSTS: Final = 3  # of one order

ACCEPTED: Final = 202
INVALID: Final = 422
UNAVAILABLE: Final = 503
NONE: Final = 0  # no answer: the connection was refused, or broke

FEW: Final = 4  # bad messages at once


class Customers:
    """Clients of the API who go on whatever happens.

    Args:
        stage: its ledger is told what they were promised.
        client: of the API.
        journal: told what they should not have been answered.

    Attributes:
        answers: how often each status was answered.
    """

    def __init__(self, stage: Stage, client: Client, journal: Journal, seed: int) -> None:
        self.answers: Counter[int] = Counter()
        self._stage = stage
        self._client = client
        self._journal = journal
        self._seed = seed

    @contextlib.contextmanager
    def ordering(self) -> Iterator[None]:
        """Let them order as long as the block runs."""
        stopped = threading.Event()
        dice = [random.Random(self._seed * CUSTOMERS + number) for number in range(CUSTOMERS)]
        threads = [threading.Thread(target=self._order, args=(each, stopped), name="customer") for each in dice]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopped.set()
            for thread in threads:
                thread.join()

    def _order(self, dice: random.Random, stopped: threading.Event) -> None:
        while not stopped.wait(dice.expovariate(1 / PAUSE)):
            placed = Placed.some(dice.randrange(1, 1000))
            if dice.random() < SHARE_INVALID:
                self._post_invalid(placed)
            elif dice.random() < SHARE_REPEATED:
                key = str(uuid.uuid4())
                for _ in range(dice.randint(2, MOST_POSTS)):
                    self._post(placed, key)
            else:
                self._post(placed)

    def _post(self, placed: Placed, key: str | None = None) -> None:
        try:
            status, _ = self._stage.post(self._client, key, placed)
        except requests.RequestException as error:
            self._stage.ledger.leave_open(placed)
            status = self._unanswered(error)
        self._judge(status, {ACCEPTED, UNAVAILABLE, NONE}, placed)

    def _post_invalid(self, placed: Placed) -> None:
        """Nothing is noted in the ledger: if it is stored all the same, it is a stranger."""
        try:
            status = self._client.try_post(placed.product, quantity=0).status_code
        except requests.RequestException as error:
            status = self._unanswered(error)
        self._judge(status, {INVALID, NONE}, placed)

    def _unanswered(self, error: requests.RequestException) -> int:
        if isinstance(error, requests.Timeout):
            self._journal.object(f"a post was not answered: {error}")
        return NONE

    def _judge(self, status: int, expected: set[int], placed: Placed) -> None:
        self.answers[status] += 1
        if status not in expected:
            self._journal.object(f"{status} was answered to {placed}")


class BadMail:
    """Producers past the API whose messages can only end in the DLQ; each body is like no other.

    Args:
        stage: its ledger is told what is doomed.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def poison(self) -> None:
        """Send what is no task call, or one of a task that there is not."""
        mark = str(uuid.uuid4())
        self._send(f"no JSON {mark}")
        self._send(f'["{mark}"')
        self._send(f'{{"mark": "{mark}", "price": NaN}}')
        self._send(json.dumps({"mark": mark, "properties": None, "body": "%%%"}))
        self._send(json.dumps({"mark": mark}), celery_task="no_such_task", celery_id=mark)
        self._send(Placed.some(1).message(str(uuid.uuid4())), celery_task="persist_order", celery_headers="{")

    def invalid(self, number: int = FEW) -> None:
        """Send orders that break the rules, with ids of their own."""
        changes: list[dict[str, Any]] = [{"quantity": 0}, {"totalPrice": -1}, {"userId": "me"}, {"productName": " "}]
        for change in itertools.islice(itertools.cycle(changes), number):
            mark = str(uuid.uuid4())
            self._send(json.dumps(json.loads(Placed.some(1).message(mark)) | change))

    def conflicting(self) -> None:
        """Send other orders under the ids of some that are stored; of none while the database is away."""
        found = []
        with contextlib.suppress(pymysql.MySQLError):
            found = rows(self._stage.database_url, f"SELECT order_id FROM orders ORDER BY RAND() LIMIT {FEW}")
        for [order_id] in found:
            self._send(Placed.some(2).message(order_id))

    def _send(self, body: str, **attributes: str) -> None:
        self._stage.queues.sqs.send_message(
            QueueUrl=self._stage.queues.url,
            MessageBody=body,
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        )
        self._stage.ledger.doom(body)
