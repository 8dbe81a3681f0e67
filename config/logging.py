"""Logs: one JSON object a line, carrying whatever ids the current request or task has bound."""

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


def configure(level: str, log_format: str) -> None:
    """Send structlog and the standard library's logging through one formatter to stderr.

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
    rendered: list[Processor]
    if log_format == "json":
        # Without local variables: among them are passwords.
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        rendered = [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]
    else:
        plain = structlog.dev.plain_traceback
        rendered = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quieter in _QUIET.items():
        logging.getLogger(name).setLevel(max(quieter, root.level))
