"""HTTP: the orders API. `create_app()` is what gunicorn and the flask command line call."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SecureCookieSession, SessionInterface

from app import cli, docs, headers, health, metrics, monitor, orders, problems, request_log
from app.backlog import Backlog
from app.body import MAX_BODY_BYTES, ClientRequest
from app.following import Waits
from app.queue import OrderQueue
from app.services import Services
from celery_sqs.dlq import QueueGauges
from config import logging as logs
from config.settings import Settings, boot
from orders.store import OrderStore

__all__ = ["create_app"]


class _NoSessions(SessionInterface):
    """One session for all requests, which nothing can be written to: Flask would make such a one for each of them."""

    _NONE = NullSession()

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        """The one session."""
        return self._NONE


class Application(Flask):
    """The Flask application. None of its functions is a coroutine: Flask would look at each, in each request."""

    session_interface = _NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is."""
        return func


def create_app(
    settings: Settings | None = None, *, store: OrderStore | None = None, queue: OrderQueue | None = None
) -> Flask:
    """The Flask application.

    Args:
        settings: its configuration; read from the environment unless given.
        store: where orders are read; made from the settings unless given.
        queue: where accepted orders go; SQS unless given.
    """
    settings = settings or boot()
    logs.configure(settings.log_level, settings.log_format)
    app = Application(__name__, static_folder=None)
    app.request_class = ClientRequest
    # werkzeug cuts a body of unknown length at this limit without a word; one byte too many shows it.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    services = Services.of(settings, store=store, queue=queue)
    app.extensions[Services.NAME] = services
    if settings.metrics_port:
        gauges = [Backlog.of(services), QueueGauges.of(services.celery, services.dlq)]
        metrics.init_app(app, settings.metrics_port, gauges)
    headers.init_app(app)
    request_log.init_app(app)
    api = docs.init_app(app)
    api.register_blueprint(orders.blueprint)
    api.register_blueprint(health.blueprint)
    problems.init_app(app)
    monitor.init_app(app)
    # config/gunicorn.py ends it.
    app.extensions[Waits.NAME] = services.waits
    cli.init_app(app)
    return app
