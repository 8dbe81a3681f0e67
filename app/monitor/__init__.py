"""The operators' workbench at /monitor: the framework's, in the words of orders and with their history."""

from typing import Final

from flask import Flask

from app.monitor.edit import order_errors
from app.monitor.missing import missing_list
from app.services import Services
from celery_sqs.workbench import Words, blueprint
from config.settings import PRODUCTION
from tasks.orders import PERSIST_ORDER

WORDS: Final = Words(
    singular="order",
    plural="orders",
    done="persisted",
    proof="the row",
    without_database="Orders are still accepted, and wait in the queue until it is back.",
    where_ids_are="The customer has the order id from the answer to the request (orderId); the logs have all.",
    entries={
        "accepted": ("Accepted from the customer", ""),
        "missing": ("Found to be missing: neither stored nor dead, and the queue keeps no message so long", "danger"),
        "persisted": ("Persisted: the row is there", "ok"),
    },
)


def init_app(app: Flask) -> None:
    """Give the application its workbench, if it has operators."""
    services: Services = app.extensions[Services.NAME]
    settings = services.settings
    if not settings.operators:
        return
    app.register_blueprint(
        blueprint(
            services.celery,
            settings.order_id_secret,
            settings.operators,
            title="Order intake",
            url_prefix="/monitor",
            https_only=settings.app_env == PRODUCTION,
            task=PERSIST_ORDER,
            words=WORDS,
            dlq=services.dlq,
            scan_minutes=settings.dlq_rescue_minutes,  # config/gunicorn.py starts it
            after_scan=services.reconciler.refresh,
            host_list=missing_list(services.store),
            history=services.history,
            check_edit=order_errors,
            database_probe=services.database_probe,
        )
    )
