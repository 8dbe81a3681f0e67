"""Whether Celery is as it was installed: tracers such as Sentry's put functions in the place of its own."""

from types import FunctionType, MethodType, ModuleType
from typing import Any


def is_own(found: Any, module: ModuleType) -> bool:
    """Whether a function or method is the one that a module of Celery's defines.

    A wrapper may have the name, the module and the code of what it wraps, but not its type with its globals.
    """
    if type(found) is MethodType:
        found = found.__func__
    return type(found) is FunctionType and found.__globals__ is vars(module)
