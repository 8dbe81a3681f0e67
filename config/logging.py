"""Logs: one JSON object a line, with the ids that the current request or task has bound."""

import contextlib
import logging
import sys
from typing import Final

import structlog
from structlog.typing import Processor

#: Celery announces each task up to three times at these places. The outcome of an order is logged
#: once, by `app.orders` (accepted) and `tasks` (persisted, attempt failed).
_QUIET: Final = {
    "celery.worker.strategy": logging.WARNING,
    "celery.app.trace": logging.CRITICAL,
    "botocore": logging.WARNING,
}


#: Where all lines go.
_STDERR: Final = logging.StreamHandler()


class _LineLogger:
    """Writes the lines that structlog has rendered: the standard library's logging takes more than twice as long.

    As there, a line that cannot be written is lost without an error.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line in one piece, and so without a lock: a forked child could inherit it locked."""
        # A closed pipe, a closed file, a signal handler that writes while a line is being written.
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            _STDERR.stream.write(f"{line}\n")

    debug = info = warning = error = critical = msg


def configure(level: str, log_format: str) -> None:
    """Send structlog and the standard library's logging to stderr, in the same form.

    Args:
        level: DEBUG, INFO, WARNING or ERROR.
        log_format: `json` for machines, `console` for people.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    rendered = _json() if log_format == "json" else _console()
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_LineLogger,
        cache_logger_on_first_use=True,
    )
    # The present one: Celery's worker replaces sys.stderr by a logger.
    _STDERR.stream = sys.stderr
    _STDERR.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [_STDERR]
    root.setLevel(level)
    for name, quieter in _QUIET.items():
        logging.getLogger(name).setLevel(max(quieter, root.level))


def _json() -> list[Processor]:
    # Without local variables: among them are passwords.
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]


def _console() -> list[Processor]:
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
