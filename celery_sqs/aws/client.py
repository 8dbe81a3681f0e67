"""The client of SQS: each call is one signed POST, and every failure a `CallFailed`.

boto3 spends about a millisecond of CPU on a call, most of it on being general; this costs less than half of that. What
is left out is what SQS's calls have no use for. Credentials are botocore's, connections urllib3's.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
"""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.utils import get_environ_proxies

from celery_sqs import metrics
from celery_sqs.aws.signature import Signer
from celery_sqs.errors import CallFailed

MAX_CONNECTIONS: Final = 64  # sockets that threads may use at once

_NO_DELAY: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as in boto3
_KEEP_ALIVE: Final = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
_ONE_TRY: Final = urllib3.Retry(total=False)  # whoever calls tries again itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where calls go, and as whom.

    Attributes:
        url: the endpoint.
        region: the AWS region.
        credentials: gives the ones that are valid now; raises CallFailed where there are none.
        ca_bundle: file of the certificates to trust; None for botocore's.
        connect_timeout: seconds until a connection is there, at the most.
        read_timeout: seconds without an answer, at the most.
        user_agent: who calls, as AWS's logs have it; empty for urllib3's own.
        is_kept_alive: whether the system probes idle connections.
    """

    url: str
    region: str
    credentials: Callable[[], ReadOnlyCredentials]
    ca_bundle: str | None
    connect_timeout: float
    read_timeout: float
    user_agent: str = ""
    is_kept_alive: bool = False


class SqsClient:
    """SqsClient one endpoint, for any number of threads.

    Its methods take and return what those of boto3's client do, but for binary message attributes: these are base64
    text here, as they are on the wire. All raise `CallFailed`: when SQS refuses, when there are no credentials, no
    answer, or one that makes no sense.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._url = target.url.rstrip("/") + "/"
        self._pool, self._asked_for = _pool(target, self._url)
        self._signer = Signer(self._url, target.region)
        self._headers = {"User-Agent": target.user_agent} if target.user_agent else {}

    def receive_message(self, **parameters: Any) -> dict[str, Any]:
        """Receive up to ten messages."""
        return self._call("ReceiveMessage", parameters)

    def send_message_batch(self, **parameters: Any) -> dict[str, Any]:
        """Send up to ten."""
        return self._call("SendMessageBatch", parameters)

    def delete_message_batch(self, **parameters: Any) -> dict[str, Any]:
        """Delete up to ten that were received."""
        return self._call("DeleteMessageBatch", parameters)

    def change_message_visibility_batch(self, **parameters: Any) -> dict[str, Any]:
        """Say of up to ten when they are visible again."""
        return self._call("ChangeMessageVisibilityBatch", parameters)

    def get_queue_attributes(self, **parameters: Any) -> dict[str, Any]:
        """Ask a queue about itself."""
        return self._call("GetQueueAttributes", parameters)

    def purge_queue(self, **parameters: Any) -> dict[str, Any]:
        """Delete all messages of a queue."""
        return self._call("PurgeQueue", parameters)

    def _call(self, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        status = 0
        try:
            answer = self._post(action, json.dumps(parameters).encode())
            if answer.status != HTTPStatus.OK:
                status = answer.status
                raise _refusal(_named(action, parameters), status, answer.data)
            content = _object(answer.data)
            status = HTTPStatus.OK
        except (BotoCoreError, ClientError, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise CallFailed(f"{_named(action, parameters)}: {type(error).__name__}: {error}") from error
        finally:
            metrics.count_call(action, status)
        return content

    def _post(self, action: str, body: bytes) -> urllib3.BaseHTTPResponse:
        headers = self._headers | self._signer.headers(self._target.credentials(), f"AmazonSQS.{action}", body)
        return self._pool.urlopen(
            "POST", self._asked_for, body, headers, _ONE_TRY, redirect=False, assert_same_host=False
        )


def _pool(target: Target, url: str) -> tuple[urllib3.HTTPConnectionPool, str]:
    """Connections to the endpoint, as boto3 would make them, and what they are to be asked for."""
    parts = urlsplit(url)
    options: dict[str, Any] = {
        "maxsize": MAX_CONNECTIONS,
        "timeout": urllib3.Timeout(connect=target.connect_timeout, read=target.read_timeout),
        "socket_options": [_NO_DELAY, *([_KEEP_ALIVE] if target.is_kept_alive else [])],
    }
    if parts.scheme == "https":
        trusted = target.ca_bundle or get_cert_path(verify=True)
        options |= {"cert_reqs": "CERT_REQUIRED", "ca_certs": trusted}
    configuration = ProxyConfiguration(get_environ_proxies(url))
    proxy = configuration.proxy_url_for(url)
    if not proxy:
        return urllib3.connection_from_url(url, **options), parts.path
    manager = urllib3.ProxyManager(proxy, proxy_headers=configuration.proxy_headers_for(proxy), **options)
    # A proxy is asked for the whole URL; through a tunnel it is SQS that is asked.
    return manager.connection_from_url(url), parts.path if parts.scheme == "https" else url


def _named(action: str, parameters: dict[str, Any]) -> str:
    """A call as an error names it: `ReceiveMessage http://...`."""
    return f"{action} {parameters.get('QueueUrl', '')}".rstrip()


def _object(text: bytes) -> dict[str, Any]:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError(f"SQS answered with no object, but {text[:100]!r}")
    return content


def _refusal(call: str, status: int, text: bytes) -> CallFailed:
    """Not only SQS answers: what stands before it may refuse in other words."""
    try:
        content = _object(text)
    except ValueError:
        content = {"message": text[:100].decode(errors="replace")}
    code = str(content.get("__type", "")).rpartition("#")[2]
    return CallFailed(f"{call}: {status} {code}: {content.get('message', '')}", code, status)
