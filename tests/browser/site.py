"""A running service with operators: web, worker, queues and database, and who looks at its pages."""

import json
import re
import uuid
from http import HTTPStatus

import requests

from app.tokens import issue
from tests.conftest import JWT_SECRET
from tests.polling import poll

OPERATOR, PASSWORD = "ada", "a-password-of-the-tests"


class Site:
    """The service as its callers see it.

    Attributes:
        url: where it is.
        workbench: where its workbench is.
        queues: its queues.
        environment: of its processes.
    """

    TIMEOUT = 10  # seconds

    def __init__(self, url, queues, environment, lifetime):
        self.url = url
        self.workbench = f"{url}/monitor"
        self.queues = queues
        self.environment = environment
        self._headers = {"Authorization": f"Bearer {issue(JWT_SECRET, 1, ['orders:read', 'orders:write'], lifetime)}"}

    def alive(self):
        try:
            return requests.get(f"{self.url}/healthz", timeout=self.TIMEOUT).ok
        except requests.ConnectionError:
            return False

    def post(self, product="Widget"):
        """Post an order through the API; returns its id."""
        order = {"productName": product, "quantity": 2, "totalPrice": "99.90"}
        answer = requests.post(f"{self.url}/api/v1/orders", json=order, headers=self._headers, timeout=self.TIMEOUT)
        assert answer.status_code == 202, answer.text
        return answer.json()["orderId"]

    def persisted(self, order_id):
        """Wait for an order's row."""
        poll(lambda: self.state(order_id) == "persisted", 20, "the order is persisted")

    def read(self, page):
        """A page's JSON, as an operator's script gets it."""
        answer = self._get(page)
        assert answer.ok, answer.text
        return answer.json()

    def state(self, order_id):
        """What the workbench says of an order; None before anything is on record."""
        answer = self._get(f"/orders/{order_id}.json")
        return None if answer.status_code == HTTPStatus.NOT_FOUND else answer.json()["timeline"]["state"]

    def kill_order(self, product="Widget"):
        """Put an order into the work queue that no worker accepts, and wait until it is dead; returns its id."""
        order_id = self._send(self.queues.url, product, quantity=0)
        poll(lambda: self.state(order_id) == "dead", 30, "the order is dead")
        return order_id

    def bury_order(self, product="Widget"):
        """Put an order into the DLQ that nothing is wrong with; returns its id."""
        return self._send(self.queues.dlq_url, product, quantity=2)

    def _send(self, url, product, quantity):
        """Send an order's message as any producer might."""
        order = {"orderId": str(uuid.uuid4()), "userId": 1, "productName": product, "quantity": quantity}
        order |= {"totalPrice": 99.9, "status": "pending", "timestamp": "2026-01-24T12:00:00Z"}
        self.queues.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(order))
        return order["orderId"]

    def _get(self, page):
        return requests.get(f"{self.workbench}{page}", auth=(OPERATOR, PASSWORD), timeout=self.TIMEOUT)


class Visitor:
    """An operator at a browser, on a site that has a `workbench`.

    Attributes:
        page: what is open.
        troubles: what the browser complained about, and dialogs: there must be none.
    """

    def __init__(self, context, site):
        self._site = site
        self.troubles = []
        self.page = context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", self._refuse)

    def open(self, path):
        """Go to a page of the workbench."""
        answer = self.page.goto(f"{self._site.workbench}{path}")
        assert answer.ok, f"{path}: {answer.status}"
        return self.page

    def sign_in(self, name=OPERATOR, password=PASSWORD):
        """Fill in the form that is open."""
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.click("main button")

    def scan(self):
        """Scan the DLQ, and wait until that is done."""
        self.open("/dlq")
        self.page.click("text=Scan the queue now")
        self.page.get_by_text(re.compile("Scanned the queue")).wait_for()

    def message_of(self, order_id):
        """Open an order's dead message."""
        self.open(f"/orders/{order_id}")
        self.page.click("text=Its dead message")
        return self.page.url.rsplit("/", 1)[-1]

    def _note(self, message):
        # Chromium takes it for an error that a form comes back with what is wrong in it.
        if message.type == "error" and "422 (UNPROCESSABLE ENTITY)" not in message.text:
            self.troubles.append(message.text)

    def _refuse(self, dialog):
        self.troubles.append(f"a dialog: {dialog.message}")
        dialog.dismiss()
