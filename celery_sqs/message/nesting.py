"""A limit on how deep a JSON text may be nested."""

from typing import Any, Final

#: Levels of lists and objects. Python reads, pickles and prints a value recursively, and its limit depends on the
#: caller. So what can be read here could fail in Celery, which deletes what it cannot read.
MAX_NESTING: Final = 200


def shallow(text: str, value: Any) -> Any:
    """The value of a JSON text, if it is not nested too deep.

    Raises:
        ValueError: it is.
    """
    # A text with few brackets cannot be too deep: nearly every message needs no walk.
    if text.count("[") + text.count("{") > MAX_NESTING:
        level, depth = [value], 0
        while level := [child for parent in level for child in _children(parent)]:
            depth += 1
            if depth > MAX_NESTING:
                raise ValueError(f"it is nested deeper than {MAX_NESTING} levels")
    return value


def _children(value: Any) -> list[Any]:
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
    return []
