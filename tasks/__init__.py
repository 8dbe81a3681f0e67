"""The Celery application: `celery -A tasks worker`.

`tasks.app` is made when it is first asked for, so that importing a module of this package reads no
environment.
"""

from typing import TYPE_CHECKING, Any

from config.settings import boot
from tasks.application import create_celery

if TYPE_CHECKING:
    from celery import Celery

    app: Celery


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = create_celery(boot())
    return globals()["app"]
