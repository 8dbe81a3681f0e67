"""Interceptors: each injects one kind of fault into a call that passes through the proxy.

An interceptor is a function of the request and of `proceed`, which passes the request on to the next interceptor, in
the end to the emulator, and returns its response. So they can be combined: a delayed call can also lose its response.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any, Final

from tests.faults.http_messages import Request, Response

Proceed = Callable[[Request], Awaitable[Response]]
Interceptor = Callable[[Request, Proceed], Awaitable[Response]]


class CloseConnection(Exception):
    """Close the client's connection without a response."""


class ResetConnection(Exception):
    """Reset the client's connection."""


#: Responses with status 200 that are no valid answer to any action.
MALFORMED: Final = (
    Response(200, (("content-type", "text/html"),), b"<html><body>Welcome to the hotel's wifi</body></html>"),
    Response(200, (("content-type", "application/x-amz-json-1.0"),), bytes(range(256))),
    Response(200, (), b""),
    Response.of_json([]),
    Response.of_json(None),
    Response.of_json("Messages"),
    Response.of_json({"Messages": {"0": "a"}, "Successful": "all", "Failed": 7}),
    Response.of_json({"Messages": [None, 7, "text", [], {}], "Successful": [None, {}], "Failed": [{"Id": []}]}),
    Response.of_json({"Messages": [{"ReceiptHandle": 7, "Body": {"a": 1}, "MessageId": None, "Attributes": "none"}]}),
    Response.of_json({"Messages": [{"ReceiptHandle": "a"}], "Successful": [{"Id": "no such id"}], "MessageId": 1}),
    Response(200, (("content-type", "application/x-amz-json-1.0"),), b'{"Messages": [{"Body": "{', content_length=4000),
)

_CORRUPTED_CHARACTERS: Final = 3  # of a message body


def sqs_error(code: str, message: str, status: int = 400) -> Response:
    """An error in SQS's JSON protocol."""
    fault = "Sender" if status < 500 else "Receiver"
    headers = (("x-amzn-query-error", f"{code};{fault}"),)
    return Response.of_json({"__type": f"com.amazonaws.sqs#{code}", "message": message}, status, headers)


#: botocore recognises it by its code, whatever the status:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
THROTTLED: Final = sqs_error("RequestThrottled", "The request was denied due to request throttling.")
EXPIRED: Final = (
    sqs_error("ExpiredToken", "The security token included in the request is expired", 403),
    sqs_error("ExpiredTokenException", "The security token included in the request is expired", 400),
    sqs_error("UnrecognizedClientException", "The security token included in the request is invalid.", 403),
)


def server_error(status: int) -> Response:
    """An error of SQS itself (500), or of a load balancer before it, whose pages are HTML."""
    if status == 500:
        return sqs_error("InternalFailure", "The request processing has failed.", status)
    return Response(status, (("content-type", "text/html"),), f"<html><h1>{status}</h1></html>".encode())


def responding(responses: Sequence[Response], *, processed: bool = False) -> Interceptor:
    """Send these responses, one after the other; the emulator gets the call only if it is to be `processed`."""
    following: Iterator[Response] = cycle(responses)

    async def respond(request: Request, proceed: Proceed) -> Response:
        if processed:
            await proceed(request)
        return next(following)

    return respond


def delaying(seconds: float) -> Interceptor:
    """Pass the request on later."""

    async def delay(request: Request, proceed: Proceed) -> Response:
        await asyncio.sleep(seconds)
        return await proceed(request)

    return delay


def resetting() -> Interceptor:
    """Reset the connection instead of passing the request on."""

    async def reset(request: Request, proceed: Proceed) -> Response:
        raise ResetConnection

    return reset


def losing_responses() -> Interceptor:
    """Pass the request on, and close the connection instead of sending the response."""

    async def lose(request: Request, proceed: Proceed) -> Response:
        await proceed(request)
        raise CloseConnection

    return lose


def hanging(released: asyncio.Event, *, processed: bool = False) -> Interceptor:
    """Send no response until released, then close the connection."""

    async def hang(request: Request, proceed: Proceed) -> Response:
        if processed:
            await proceed(request)
        await released.wait()
        raise CloseConnection

    return hang


def duplicating() -> Interceptor:
    """Deliver each message of a response twice, with the same receipt handle."""

    def twice(messages: list[Any]) -> list[Any]:
        return [message for message in messages for _ in range(2)]

    return _changing(twice)


def replaying() -> Interceptor:
    """Send each response with messages twice: once more to the next call, whoever makes it."""
    sent: deque[Response] = deque()

    async def replay(request: Request, proceed: Proceed) -> Response:
        if sent:
            return sent.popleft()
        response = await proceed(request)
        if response.json().get("Messages"):
            sent.append(response)
        return response

    return replay


def corrupting(rng: random.Random) -> Interceptor:
    """Corrupt the bodies of a response's messages; in the queue they stay as they are."""

    def corrupted(text: str) -> str:
        places = {rng.randrange(len(text)) for _ in range(_CORRUPTED_CHARACTERS)} | {0}
        return "".join("\ufffd" if place in places else character for place, character in enumerate(text))

    return _changing(lambda messages: [message | {"Body": corrupted(message["Body"])} for message in messages])


def expiring(queue_name: str, retention: float, expired: Callable[[], None]) -> Interceptor:
    """Delete what a queue has kept for longer than its retention, as SQS does and the emulators do not.

    It is deleted where it would be delivered, so nobody can tell that from a deletion in time.

    Args:
        queue_name: the last part of its URL.
        retention: seconds.
        expired: called for each deleted message.
    """

    async def expire(request: Request, proceed: Proceed) -> Response:
        parameters = request.parameters()
        if parameters.get("QueueUrl", "").rsplit("/", 1)[-1] != queue_name:
            return await proceed(request)
        response = await proceed(request.with_parameters(MessageSystemAttributeNames=["All"]))
        messages = response.json().get("Messages") or []
        oldest = (time.time() - retention) * 1000
        old = [each for each in messages if int(each["Attributes"]["SentTimestamp"]) < oldest]
        for message in old:
            await proceed(request.as_call("DeleteMessage", parameters["QueueUrl"], message["ReceiptHandle"]))
            expired()
        if not old:
            return response
        kept = [each for each in messages if each not in old]
        return replace(response, body=Response.of_json({"Messages": kept} if kept else {}).body)

    return expire


def _changing(change: Callable[[list[Any]], list[Any]]) -> Interceptor:
    """Change the messages of each response."""

    async def deliver(request: Request, proceed: Proceed) -> Response:
        response = await proceed(request)
        messages = response.json().get("Messages")
        if not messages:
            return response
        return replace(response, body=Response.of_json({"Messages": change(messages)}).body)

    return deliver
