"""What the views work with, put together once per application."""

from dataclasses import dataclass
from typing import ClassVar

from celery import Celery
from flask import current_app
from sqlalchemy import Engine

from app.following import AcceptedKeys, Waits
from app.history import History
from app.queue import CeleryQueue, OrderQueue
from app.reconciliation import Reconciler, Records
from app.tokens import Verifier
from celery_sqs.dependencies import Probe
from celery_sqs.dlq import DeadLetterQueue, DeadLetterService, DeadLetterServices
from celery_sqs.monitor import EventReader
from config.settings import Settings
from orders.identity import Identity
from orders.store import OrderStore
from tasks.application import create_celery, endpoint
from tasks.orders import engine_of


@dataclass(frozen=True)
class Services:
    """The application's parts behind HTTP."""

    NAME: ClassVar = "order-intake"

    settings: Settings
    celery: Celery
    engine: Engine
    identity: Identity
    verifier: Verifier
    store: OrderStore
    queue: OrderQueue
    keys: AcceptedKeys
    waits: Waits
    dlq: DeadLetterServices
    history: History
    reconciler: Reconciler
    queue_probe: Probe
    database_probe: Probe

    @classmethod
    def of(cls, settings: Settings, *, store: OrderStore | None, queue: OrderQueue | None) -> "Services":
        """The parts that the settings ask for, but for those that are given."""
        celery, engine = create_celery(settings), engine_of(settings.database_url)
        store = store or OrderStore(engine)
        queue = queue or CeleryQueue(settings, celery)
        dead_letter_queue = DeadLetterQueue(endpoint(settings), settings.sqs_queue_url, settings.sqs_dlq_url)
        dlq = DeadLetterServices([DeadLetterService(celery, engine, dead_letter_queue, store)])
        events = EventReader(engine)
        return cls(
            settings=settings,
            celery=celery,
            engine=engine,
            identity=Identity(settings.order_id_secret),
            verifier=Verifier.of(settings),
            store=store,
            queue=queue,
            keys=AcceptedKeys(store),
            waits=Waits(store, settings.web_waits),
            dlq=dlq,
            history=History(store, events, dlq.messages, dlq.repairs),
            reconciler=Reconciler(Records(events, dlq.messages, store), store),
            queue_probe=Probe(queue.reachable),
            database_probe=Probe(store.reachable),
        )


def services() -> Services:
    """The current application's parts."""
    parts: Services = current_app.extensions[Services.NAME]
    return parts
