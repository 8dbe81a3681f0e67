"""Probes over HTTP: is the process alive, and can it take orders."""

from typing import Any, Final

from flask.views import MethodView
from flask_smorest import Blueprint, abort
from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from app.services import services

RETRY_AFTER: Final = 2  # seconds

blueprint = Blueprint("health", __name__, description="Probes")


class Alive(Schema):
    """The process answers."""

    status = fields.String(required=True, validate=OneOf(["alive"]))


class Ready(Schema):
    """The queue answers, so orders are accepted, with or without the database."""

    queue = fields.String(required=True, validate=OneOf(["ok"]))
    database = fields.String(required=True, validate=OneOf(["ok", "unavailable"]))


@blueprint.route("/healthz")
class Healthz(MethodView):
    """Liveness."""

    @blueprint.response(200, Alive)
    def get(self) -> dict[str, Any]:
        """Say that the process is alive."""
        return {"status": "alive"}


@blueprint.route("/readyz")
class Readyz(MethodView):
    """Readiness."""

    @blueprint.response(200, Ready)
    @blueprint.alt_response(503, "SERVICE_UNAVAILABLE")
    def get(self) -> dict[str, Any]:
        """Say whether orders can be accepted. The database is reported, but intake does without it."""
        if not services().queue_probe.healthy():
            abort(503, message="The queue does not answer.", headers={"Retry-After": str(RETRY_AFTER)})
        return {"queue": "ok", "database": "ok" if services().database_probe.healthy() else "unavailable"}
