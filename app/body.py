"""Reading what a client sends: JSON in the strict sense and known parameters, or the reason why not."""

from codecs import BOM_UTF8
from collections.abc import Callable
from typing import Any, Final, TypeVar
from wsgiref.types import InputStream

import structlog
from flask import Request
from flask_smorest import Blueprint, abort
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, RequestTimeout

from celery_sqs import exact_json

JSON: Final = "application/json"
IDENTITY: Final = "identity"  # no coding: RFC 9110, section 12.5.3

R = TypeVar("R")

logger = structlog.stdlib.get_logger(__name__)

MAX_BODY_BYTES: Final = 64 * 1024  # an order needs about 150


class ClientInput:
    """`wsgi.input`, where each error is the client's: its body does not come in time, breaks off or is malformed.

    The server's own errors for that, such as a chunk of a wrong size, would be unexpected ones, with status 500.

    Args:
        stream: the server's.
    """

    def __init__(self, stream: InputStream) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Bytes of the body; 400 or 408 where there are none."""
        return self._try(self._stream.read, size)

    def readline(self, size: int = -1) -> bytes:
        """A line of it; 400 or 408 where there is none."""
        return self._try(self._stream.readline, size)

    def _try(self, read: Callable[[int], R], size: int) -> R:
        try:
            return read(size)
        except TimeoutError as error:
            raise RequestTimeout("The body has not come in time.") from error
        except Exception as error:
            logger.info("a body cannot be read", error=repr(error))
            raise BadRequest("The body is cut off or malformed.") from error


class ClientRequest(Request):
    """A request whose body is read through `ClientInput`."""

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        environ["wsgi.input"] = ClientInput(environ["wsgi.input"])
        super().__init__(environ, *args, **kwargs)


class StrictParser(FlaskParser):
    """webargs' parser with a JSON reader that keeps digits and refuses NaN and duplicate keys.

    A parameter of the query that a view does not know is refused, as a field of a body is: webargs would drop it, and
    whoever misspells `limit` would get another page than was asked for.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"query": RAISE}

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body's value; 413 where it is too long, 415 where it is not said to be JSON, 400 where it is none."""
        if req.mimetype != JSON:
            abort(415, message=f"The body must be {JSON}.")
        if (req.content_encoding or IDENTITY).lower() != IDENTITY:
            abort(415, message="The body must have no Content-Encoding.", headers={"Accept-Encoding": IDENTITY})
        require_no_query(req)
        try:
            # UTF-8 is the only encoding of JSON between systems: RFC 8259, section 8.1. A byte order mark says no more.
            return exact_json.loads(_whole_body(req).removeprefix(BOM_UTF8).decode("utf-8"))
        except ValueError as error:
            abort(400, message=f"The body is not JSON: {error}.")

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """The parameters of the query; 422 where one is given twice: webargs would take the first."""
        _refuse_parameters([name for name, given in req.args.lists() if len(given) > 1], "Must be given once.")
        return super().load_querystring(req, schema)


def require_no_query(request: Request) -> None:
    """Refuse parameters of the query, by name, where a view knows none."""
    if request.query_string:
        _refuse_parameters(list(request.args), "Unknown field.")


def _refuse_parameters(names: list[str], why: str) -> None:
    if names:
        abort(422, messages={"query": {name: [why] for name in names}})


def _whole_body(request: Request) -> bytes:
    """The body of a request; 413 where it is too long. It can be read once.

    One of a known length is read at once: werkzeug's streams would ask in parts for its end.
    """
    length = request.content_length
    body = request.get_data() if length is None or length > MAX_BODY_BYTES else request.input_stream.read(length)
    if len(body) > MAX_BODY_BYTES:
        abort(413)
    return body


class StrictBlueprint(Blueprint):  # type: ignore[misc]
    """A blueprint whose views read bodies with `StrictParser`."""

    ARGUMENTS_PARSER = StrictParser()
