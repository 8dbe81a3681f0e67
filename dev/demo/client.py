"""The orders API as a client sees it: post an order, ask for its state."""

import http
import threading
from collections.abc import Mapping
from typing import Any, Final

import requests

_TIMEOUT: Final = 10  # seconds; the API itself gives up on SQS after SQS_SEND_TIMEOUT


class Unavailable(Exception):
    """No answer, or a 503: the same request may be sent again."""


class OrdersApi:
    """A client for threads to share.

    Args:
        url: where the API is.
        tokens: a bearer token per user.
    """

    def __init__(self, url: str, tokens: Mapping[int, str]) -> None:
        self._url = f"{url}/api/v1/orders"
        self._tokens = tokens
        self._local = threading.local()

    def post(self, user_id: int, order: Mapping[str, object], key: str) -> requests.Response:
        """Post an order under an Idempotency-Key.

        Raises:
            Unavailable: it may or may not have been accepted; repeat it with the same key.
        """
        return self._request("POST", self._url, user_id, {"Idempotency-Key": key}, order)

    def state(self, user_id: int, order_id: str) -> dict[str, Any]:
        """What the API knows of an order; the state is `unknown` where it answers with an error.

        Raises:
            Unavailable: ask again.
        """
        response = self._request("GET", f"{self._url}/{order_id}", user_id, {}, None)
        known: dict[str, Any] = response.json() if response.status_code == http.HTTPStatus.OK else {"state": "unknown"}
        return known

    def _request(
        self, method: str, url: str, user_id: int, headers: dict[str, str], body: Mapping[str, object] | None
    ) -> requests.Response:
        bearer = {"Authorization": f"Bearer {self._tokens[user_id]}"}
        try:
            response = self._session().request(method, url, json=body, headers=bearer | headers, timeout=_TIMEOUT)
        except requests.RequestException as error:
            raise Unavailable(str(error)) from error
        if response.status_code == http.HTTPStatus.SERVICE_UNAVAILABLE:
            raise Unavailable(response.text)
        return response

    def _session(self) -> requests.Session:
        """The thread's own session: requests does not promise that one may be shared."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            # Neither a proxy nor a password of ~/.netrc has a place between us and this machine.
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session
