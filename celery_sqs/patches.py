"""Whether a function of Celery's is patched: tracers such as Sentry's replace some of them."""

from types import FunctionType, MethodType, ModuleType
from typing import Any


def is_unpatched(found: Any, module: ModuleType) -> bool:
    """Whether a function or method is the one that its module in Celery or kombu defines.

    A wrapper may have the name, the module and the code of what it wraps, but not its type with its globals.
    """
    if type(found) is MethodType:
        found = found.__func__
    return type(found) is FunctionType and found.__globals__ is vars(module)
