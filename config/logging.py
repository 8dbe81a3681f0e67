"""Logs: one JSON object a line, with the ids that the current request or task has bound."""

import contextlib
import io
import logging
import os
import sys
from typing import Final, TextIO

import structlog
from structlog.typing import Processor

#: Celery announces each task up to three times at these places. The outcome of an order is logged
#: once, by `app.orders` (accepted) and `tasks` (persisted, attempt failed).
_QUIET: Final = {
    "celery.worker.strategy": logging.WARNING,
    "celery.app.trace": logging.CRITICAL,
    "botocore": logging.WARNING,
}


class _Stderr(logging.StreamHandler[TextIO]):
    """Loses a line that cannot be written. The standard library's handler reports that, on the same broken stderr."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name is logging's
        """Report what is wrong with a record, but not that nothing can be written."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


#: Where all lines go.
_STDERR: Final = _Stderr()


class _LineLogger:
    """Writes the lines that structlog has rendered: the standard library's logging takes more than twice as long.

    As there, a line that cannot be written is lost without an error.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line in one piece, under the handler's lock: logging makes that anew in a forked child."""
        _STDERR.acquire()
        try:
            # A closed pipe, a closed file.
            with contextlib.suppress(OSError, ValueError):
                _STDERR.stream.write(f"{line}\n")
        finally:
            _STDERR.release()

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
    # As it is now: Celery's worker puts a logger in the place of sys.stderr.
    _STDERR.stream = _stream()
    rendered = _json() if log_format == "json" else _console()
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_LineLogger,
        cache_logger_on_first_use=True,
    )
    _STDERR.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [_STDERR]
    root.setLevel(level)
    for name, quieter in _QUIET.items():
        logging.getLogger(name).setLevel(max(quieter, root.level))


def _stream() -> TextIO:
    """Stderr without Python's buffer, as `python -u` opens it.

    The buffer has a lock: a child that is forked while another thread writes inherits it locked, and waits forever. And
    a line that cannot be written stays in it: Python fails to flush it when the process ends, with exit status 120.
    """
    own = sys.__stderr__
    if sys.stderr is not own:  # somebody else's, who decides what becomes of a line
        return sys.stderr
    if own is None:  # the process was started without one
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
    unbuffered = io.FileIO(own.fileno(), "w", closefd=False)
    # As `python -u` does. The type asks for a buffer that a text stream does not use when it writes through.
    return io.TextIOWrapper(unbuffered, encoding=own.encoding, errors=own.errors, write_through=True)


def _json() -> list[Processor]:
    # Without local variables: among them are passwords.
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]


def _console() -> list[Processor]:
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=_STDERR.stream.isatty(), exception_formatter=plain)]
