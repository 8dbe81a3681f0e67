"""What a process has one of. A forked child, which has none of its parent's threads, makes its own."""

import functools
import os
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from celery_sqs import system

Made = TypeVar("Made", bound=Callable[..., Any])

#: The lock is taken while something is made, which may need something else that is made once. A child could inherit it
#: locked, so it gets one of its own.
_OWN: Final[dict[str, Any]] = {}


def _begin() -> None:
    _OWN.pop("lock", None)
    system.pid = os.getpid()


def _lock() -> Any:
    """The process's lock, made when it is first needed: gevent may have replaced `threading.RLock` since the import.

    All greenlets of a thread own its own lock at once.
    """
    return _OWN.get("lock") or _OWN.setdefault("lock", system.threading.RLock())


_begin()
os.register_at_fork(after_in_child=_begin)


def per_process(make: Made) -> Made:
    """Have a function make what it makes once in each process for each set of arguments, which are hashable.

    Threads that ask at the same time get the same: each would have a client and a sender of its own otherwise.

    What the parent has made is kept in the child: to let it go might wait for a lock that a thread had at the fork.
    """
    made: dict[tuple[Hashable, ...], Any] = {}

    @functools.wraps(make)
    def own(*args: Hashable) -> Any:
        key = (system.pid, *args)
        if key not in made:
            with _lock():
                if key not in made:
                    made[key] = make(*args)
        return made[key]

    return own  # type: ignore[return-value]  # it takes no keywords; all else is the same
