"""What a process has one of. A forked child, which has none of its parent's threads, makes its own."""

import functools
import os
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

Made = TypeVar("Made", bound=Callable[..., Any])

#: To ask the system for it costs more than all that it is needed for.
_OWN: Final = {"pid": os.getpid()}

os.register_at_fork(after_in_child=lambda: _OWN.update(pid=os.getpid()))


def per_process(make: Made) -> Made:
    """Have a function make what it makes once in each process for each set of arguments, which are hashable.

    What the parent has made is kept in the child: to let it go might wait for a lock that a thread held at the fork.
    """

    @functools.cache
    def made(_: int, *args: Hashable) -> Any:
        return make(*args)

    @functools.wraps(make)
    def own(*args: Hashable) -> Any:
        return made(_OWN["pid"], *args)

    return own  # type: ignore[return-value]  # it takes no keywords; all else is the same
