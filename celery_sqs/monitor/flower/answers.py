"""Flower's answer to a command that is refused: why, where Flower answers 500 with an empty body."""

from http import HTTPStatus
from typing import Any, Final

from tornado.web import HTTPError

from celery_sqs.monitor.control import DatabaseUnavailable, NotDone, UnsupportedCommand

#: What Flower answers to what workers refuse, and to what it cannot ask.
_STATUS: Final = {
    NotDone: HTTPStatus.FORBIDDEN,
    UnsupportedCommand: HTTPStatus.FORBIDDEN,
    DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


async def run_blocking(
    self: Any, operation: str, target: str, func: Any, *args: Any, connection_errors: Any = (), **kwargs: Any
) -> Any:
    """In place of the method of Flower's `BaseApiHandler`, with its arguments.

    Raises:
        HTTPError: the command is refused; the body says why.
    """

    def answer() -> Any:
        try:
            return func(*args, **kwargs)
        except (NotDone, UnsupportedCommand, DatabaseUnavailable) as error:  # Flower would answer 500 to it
            return error

    runner = self.application.blocking_runner
    answered = await runner.run(operation, target, answer, connection_errors=connection_errors)
    if type(answered) in _STATUS:
        raise HTTPError(_STATUS[type(answered)], str(answered)) from answered
    return answered
