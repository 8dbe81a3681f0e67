"""Reading a request's body: JSON in the strict sense, or the reason why not."""

from typing import Any, Final

from flask import Request
from flask_smorest import Blueprint, abort
from marshmallow import Schema
from webargs.flaskparser import FlaskParser

from celery_sqs import exact_json

JSON: Final = "application/json"

MAX_BODY_BYTES: Final = 64 * 1024  # an order needs about 150


class StrictParser(FlaskParser):
    """webargs' parser with a JSON reader that keeps digits and refuses NaN and duplicate keys."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body's value; 413 where it is too long, 415 where it is not said to be JSON, 400 where it is none."""
        if req.mimetype != JSON:
            abort(415, message=f"The body must be {JSON}.")
        body = req.get_data()
        if len(body) > MAX_BODY_BYTES:
            abort(413)
        try:
            # UTF-8 is the only encoding of JSON between systems: RFC 8259, section 8.1.
            return exact_json.loads(body.decode("utf-8"))
        except ValueError as error:
            abort(400, message=f"The body is not JSON: {error}.")


class StrictBlueprint(Blueprint):  # type: ignore[misc]
    """A blueprint whose views read bodies with `StrictParser`."""

    ARGUMENTS_PARSER = StrictParser()
