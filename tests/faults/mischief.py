"""What a proxy can do to a call instead of just passing it on.

Each is a function of the request and of `proceed`, which passes the request on (to the next
mischief, in the end to the emulator) and returns its answer. So they stack: a delayed call can still
lose its answer.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any, Final

from tests.faults.exchange import Answer, Request

Proceed = Callable[[Request], Awaitable[Answer]]
Mischief = Callable[[Request, Proceed], Awaitable[Answer]]


class HangUp(Exception):
    """Close the client's connection without an answer."""


class Reset(Exception):
    """Reset the client's connection."""


#: Answers that say 200 and make no sense, for any action.
NONSENSE: Final = (
    Answer(200, (("content-type", "text/html"),), b"<html><body>Welcome to the hotel's wifi</body></html>"),
    Answer(200, (("content-type", "application/x-amz-json-1.0"),), bytes(range(256))),
    Answer(200, (), b""),
    Answer.of([]),
    Answer.of(None),
    Answer.of("Messages"),
    Answer.of({"Messages": {"0": "a"}, "Successful": "all", "Failed": 7}),
    Answer.of({"Messages": [None, 7, "text", [], {}], "Successful": [None, {}], "Failed": [{"Id": []}]}),
    Answer.of({"Messages": [{"ReceiptHandle": 7, "Body": {"a": 1}, "MessageId": None, "Attributes": "none"}]}),
    Answer.of({"Messages": [{"ReceiptHandle": "a"}], "Successful": [{"Id": "no such id"}], "MessageId": 1}),
    Answer(200, (("content-type", "application/x-amz-json-1.0"),), b'{"Messages": [{"Body": "{', promised=4000),
)

_BODY_LETTERS: Final = 3  # replaced in a body that is corrupted


def sqs_error(code: str, message: str, status: int = 400) -> Answer:
    """An error as SQS's JSON protocol spells it."""
    fault = "Sender" if status < 500 else "Receiver"
    headers = (("x-amzn-query-error", f"{code};{fault}"),)
    return Answer.of({"__type": f"com.amazonaws.sqs#{code}", "message": message}, status, headers)


#: botocore knows it by its code, whatever the status:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
THROTTLED: Final = sqs_error("RequestThrottled", "The request was denied due to request throttling.")
EXPIRED: Final = (
    sqs_error("ExpiredToken", "The security token included in the request is expired", 403),
    sqs_error("ExpiredTokenException", "The security token included in the request is expired", 400),
)


def server_error(status: int) -> Answer:
    """An error of SQS itself, or of a load balancer before it, whose pages are HTML."""
    if status == 500:
        return sqs_error("InternalFailure", "The request processing has failed.", status)
    return Answer(status, (("content-type", "text/html"),), f"<html><h1>{status}</h1></html>".encode())


def answering(answers: Sequence[Answer], *, processed: bool = False) -> Mischief:
    """Answer these, one after the other; the emulator hears of the call only if it is `processed`."""
    following: Iterator[Answer] = cycle(answers)

    async def answer(request: Request, proceed: Proceed) -> Answer:
        if processed:
            await proceed(request)
        return next(following)

    return answer


def delaying(seconds: float) -> Mischief:
    """Pass the request on later."""

    async def delay(request: Request, proceed: Proceed) -> Answer:
        await asyncio.sleep(seconds)
        return await proceed(request)

    return delay


def resetting() -> Mischief:
    """Reset the connection instead of passing the request on."""

    async def reset(request: Request, proceed: Proceed) -> Answer:
        raise Reset

    return reset


def losing() -> Mischief:
    """Pass the request on and close the connection when the answer is there."""

    async def lose(request: Request, proceed: Proceed) -> Answer:
        await proceed(request)
        raise HangUp

    return lose


def hanging(released: asyncio.Event, *, processed: bool = False) -> Mischief:
    """Say nothing until released, then close the connection."""

    async def hang(request: Request, proceed: Proceed) -> Answer:
        if processed:
            await proceed(request)
        await released.wait()
        raise HangUp

    return hang


def duplicating() -> Mischief:
    """Deliver each message of an answer twice: once more with the same receipt handle."""

    def twice(messages: list[Any]) -> list[Any]:
        return [message for message in messages for _ in range(2)]

    return _delivering(twice)


def replaying() -> Mischief:
    """Hand each answer that brings messages out twice: once more to the next call, whoever makes it."""
    played: deque[Answer] = deque()

    async def replay(request: Request, proceed: Proceed) -> Answer:
        if played:
            return played.popleft()
        answer = await proceed(request)
        if answer.value().get("Messages"):
            played.append(answer)
        return answer

    return replay


def corrupting(dice: random.Random) -> Mischief:
    """Break the bodies of an answer's messages; what the queue holds stays as it is."""

    def broken(text: str) -> str:
        places = {dice.randrange(len(text)) for _ in range(_BODY_LETTERS)} | {0}
        return "".join("\ufffd" if place in places else letter for place, letter in enumerate(text))

    return _delivering(lambda messages: [message | {"Body": broken(message["Body"])} for message in messages])


def _delivering(change: Callable[[list[Any]], list[Any]]) -> Mischief:
    async def deliver(request: Request, proceed: Proceed) -> Answer:
        answer = await proceed(request)
        messages = answer.value().get("Messages")
        if not messages:
            return answer
        return replace(answer, body=Answer.of({"Messages": change(messages)}).body)

    return deliver
