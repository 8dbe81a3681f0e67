"""The API's description: OpenAPI at /api/openapi.json, a page to browse it at /api/docs."""

from typing import Any, Final

import simplejson
from flask import Flask, Response, send_from_directory
from flask.json.provider import DefaultJSONProvider
from flask_smorest import Api
from swagger_ui_bundle import swagger_ui_path
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.response import Response as BaseResponse

from app import problems

_ASSETS: Final = "/api/docs/assets/"


class ExactJSON(DefaultJSONProvider):
    """Decimals as JSON numbers with all their digits; Flask would make them strings."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """JSON text of a value."""
        kwargs.setdefault("default", self.default)
        return simplejson.dumps(obj, use_decimal=True, ensure_ascii=False, **kwargs)


class OrdersApi(Api):  # type: ignore[misc]
    """flask-smorest's Api with problem details for errors."""

    ERROR_SCHEMA = problems.Problem

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
        "API_SPEC_OPTIONS": {
            "info": {"description": "Accepts orders into a queue and says what became of them."},
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
        },
    }
    app.add_url_rule(f"{_ASSETS}<path:name>", view_func=_asset)
    return OrdersApi(app)


def _asset(name: str) -> Response:
    """Swagger UI's files, from the installed package: the page works without a CDN."""
    return send_from_directory(str(swagger_ui_path), name)
