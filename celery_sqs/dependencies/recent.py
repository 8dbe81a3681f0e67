"""The last answer of a dependency: asked for on a thread of its own, and waited for only so long."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from celery_sqs import system

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds to wait for an answer; one that comes later is there for the next time.
ANSWER_TIMEOUT: Final = 1.0


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What is known.

    Attributes:
        value: the last answer there was; None if there was none yet.
        age: seconds since it came; None without one.
        error: why there is no fresh one; None where there is.
    """

    value: T | None
    age: float | None
    error: str | None


class Recent(Generic[T]):
    """A question whose answer is good for some seconds. It is never asked twice at once.

    Args:
        ask: gives the answer, or raises. It may hang; nobody waits for it then.
        kept: seconds that an answer is good for. A failure is one, too.
    """

    def __init__(self, ask: Callable[[], T], kept: float) -> None:
        self._ask = ask
        self._kept = kept
        self._thread = system.futures.ThreadPoolExecutor(1, thread_name_prefix="sqs-recent")
        self._lock = system.threading.Lock()
        self._running: Future[None] | None = None
        self._ended_at = float("-inf")
        self._value: T | None = None
        self._value_at: float | None = None
        self._error: str | None = None

    def answer(self, timeout: float = ANSWER_TIMEOUT) -> Answer[T]:
        """The answer, asked for anew where the last one is too old."""
        with self._lock:
            if self._running is None and system.time.monotonic() >= self._ended_at + self._kept:
                self._running = self._thread.submit(self._run)
            running = self._running
        late = None
        if running is not None:
            try:
                running.result(timeout)
            except FutureTimeout:
                late = f"no answer within {timeout:g} s"
        with self._lock:
            age = None if self._value_at is None else system.time.monotonic() - self._value_at
            return Answer(self._value, age, late or self._error)

    def _run(self) -> None:
        value, error_text = None, None
        try:
            value = self._ask()
        # Whatever it is, whoever asks says so and goes on without.
        except Exception as error:
            logger.warning("a dependency did not answer: %r", error)
            error_text = f"{type(error).__name__}: {error}"
        with self._lock:
            self._ended_at = system.time.monotonic()
            self._running, self._error = None, error_text
            if error_text is None:
                self._value, self._value_at = value, self._ended_at


def answers_of(questions: Mapping[str, Recent[Any]], timeout: float = ANSWER_TIMEOUT) -> dict[str, Answer[Any]]:
    """The answers to several questions, which are all asked at once and together waited for no longer than one."""
    deadline = system.time.monotonic() + timeout
    for question in questions.values():
        question.answer(0)
    return {name: question.answer(max(0.0, deadline - system.time.monotonic())) for name, question in questions.items()}
