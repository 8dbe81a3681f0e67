"""What the views work with, put together once per application."""

from dataclasses import dataclass
from typing import ClassVar

from celery import Celery
from flask import current_app
from sqlalchemy import Engine

from app.dependencies.probe import Probe
from app.queue import CeleryQueue, OrderQueue
from app.tokens import Verifier
from config.settings import Settings
from orders.database import connect
from orders.identity import Identity
from orders.store import OrderStore
from tasks.application import create_celery


@dataclass(frozen=True)
class Services:
    """The application's parts behind HTTP."""

    NAME: ClassVar = "order-intake"

    settings: Settings
    engine: Engine
    identity: Identity
    verifier: Verifier
    celery: Celery
    store: OrderStore
    queue: OrderQueue
    queue_probe: Probe
    database_probe: Probe

    @classmethod
    def of(cls, settings: Settings, *, store: OrderStore | None, queue: OrderQueue | None) -> "Services":
        """The parts that the settings ask for, but for those that are given."""
        engine = connect(settings.database_url)
        store = store or OrderStore(engine)
        celery = create_celery(settings)
        queue = queue or CeleryQueue(celery, settings)
        return cls(
            settings=settings,
            engine=engine,
            identity=Identity(settings.order_id_secret),
            verifier=Verifier.of(settings),
            celery=celery,
            store=store,
            queue=queue,
            queue_probe=Probe(queue.reachable),
            database_probe=Probe(store.reachable),
        )


def services() -> Services:
    """The current application's parts."""
    parts: Services = current_app.extensions[Services.NAME]
    return parts
