"""A shop that has nothing but the framework: a Celery app with a task, its tables, and dead messages in them."""

from celery import Celery
from sqlalchemy import create_engine

import celery_sqs
from celery_sqs import dlq, monitor
from celery_sqs.dlq import DeadLetterService

QUEUE = "http://127.0.0.1:1/000000000000/mail"
SEND_MAIL = "shop.send_mail"
NO_OTHERS = {}


def make_shop(folder, url=QUEUE, others=NO_OTHERS, **settings):
    """The shop's Celery app, on a database of its own.

    Args:
        folder: where its database is.
        url: of its queue `mail`.
        others: the URLs of its other queues, by name.
        settings: others of `celery_sqs.setup`.
    """
    app = Celery("shop", set_as_current=False)
    celery_sqs.setup(
        app,
        queues={name: {"url": each, "tasks": [SEND_MAIL]} for name, each in {"mail": url, **others}.items()},
        region="us-east-1",
        access_key=("test", "test"),
        monitor_database=f"sqlite:///{folder}/shop.db",
        **settings,
    )

    @app.task(name=SEND_MAIL, shared=False)
    def send_mail(mail):
        """What every message calls."""

    engine = create_engine(f"sqlite:///{folder}/shop.db")
    for tables in (monitor.metadata, dlq.metadata):
        tables.create_all(engine)
    engine.dispose()
    return app


def bury(app, message_id, queue="mail"):
    """Have a message in the DLQ of a queue, as a scan would have found it."""
    names = {"celery_task": SEND_MAIL, "celery_id": f"task-of-{message_id}"}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in names.items()}
    service = DeadLetterService.of(app, queue)
    message = {"MessageId": message_id, "Body": '[["Dear Ada"],{},{}]', "MessageAttributes": attributes}
    service._snapshot.add([message])
    service.engine.dispose()
