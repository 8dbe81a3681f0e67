"""The API's description: OpenAPI at /api/openapi.json, a page to browse it at /api/docs."""

from functools import partial
from http import HTTPStatus
from typing import Any, Final

import simplejson
from flask import Flask, Response, send_from_directory
from flask.json.provider import DefaultJSONProvider
from flask_smorest import Api
from swagger_ui_bundle import swagger_ui_path
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.response import Response as BaseResponse

from app import problems
from app.examples import problems as examples
from config.problem import MEDIA_TYPE

_ASSETS: Final = "/api/docs/assets/"
#: What the page loads. The bundle has a page of its own, which would ask another host.
_LOADED: Final = ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js")

#: Headers that come with an error.
_ERROR_HEADERS: Final = {
    HTTPStatus.UNAUTHORIZED: "WWW-Authenticate",
    HTTPStatus.FORBIDDEN: "WWW-Authenticate",
    HTTPStatus.SERVICE_UNAVAILABLE: "Retry-After",
}


class ExactJSON(DefaultJSONProvider):
    """Decimals as JSON numbers with all their digits; Flask would make them strings."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """JSON text of a value."""
        kwargs.setdefault("default", self.default)
        return simplejson.dumps(obj, use_decimal=True, ensure_ascii=False, **kwargs)


class OrdersApi(Api):  # type: ignore[misc]
    """flask-smorest's Api with problem details for errors."""

    ERROR_SCHEMA = problems.Problem

    #: Each view names the errors it answers with; a catch-all would make its description say nothing.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_responses(self) -> None:
        """Describe errors as the problems they are; flask-smorest would call them application/json."""
        for status in HTTPStatus:
            if status >= HTTPStatus.BAD_REQUEST:
                response: dict[str, Any] = {
                    "description": status.phrase,
                    "content": {MEDIA_TYPE: {"schema": self.ERROR_SCHEMA, "examples": examples.of(status)}},
                }
                header = _ERROR_HEADERS.get(status)
                if header:
                    response["headers"] = {header: {"schema": {"type": "string"}, "required": True}}
                self.spec.components.response(status.name, response, lazy=True)

    def _register_pagination_header(self) -> None:
        """Leave out flask-smorest's kind of paging; ours is a cursor."""

    def handle_http_exception(self, error: HTTPException) -> BaseResponse:
        """Answer with a problem."""
        return problems.answer(error)


def init_app(app: Flask) -> OrdersApi:
    """Describe the application's API, and make its JSON exact."""
    app.json = ExactJSON(app)
    app.config |= {
        "API_TITLE": "Order intake",
        "API_VERSION": "v1",
        "OPENAPI_VERSION": "3.0.3",
        "OPENAPI_URL_PREFIX": "/api",
        "OPENAPI_SWAGGER_UI_PATH": "/docs",
        "OPENAPI_SWAGGER_UI_URL": _ASSETS,
        # Swagger UI would otherwise send the page's address to a validator of its makers.
        "OPENAPI_SWAGGER_UI_CONFIG": {"validatorUrl": None},
        "API_SPEC_OPTIONS": {
            "info": {"description": "Accepts orders into a queue and says what became of them."},
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
        },
    }
    for name in _LOADED:
        app.add_url_rule(f"{_ASSETS}{name}", f"asset {name}", partial(_asset, name))
    return OrdersApi(app)


def _asset(name: str) -> Response:
    """Swagger UI's files, from the installed package: the page works without a CDN."""
    return send_from_directory(str(swagger_ui_path), name)
