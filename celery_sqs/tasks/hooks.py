"""The hooks that this framework has beside Celery's own: what the author of a task may say of its calls."""

from collections.abc import Mapping, Sequence
from typing import Any

from celery_sqs.tasks.call import Call
from celery_sqs.tasks.dry_run import NOT_KNOWN, DryRun


class TaskHooks:
    """The answers of a task whose author says nothing."""

    def message_group_id(self, *args: Any, **kwargs: Any) -> str | None:
        """SQS's group of a call with these arguments, where the caller names none; None: no group.

        Within a group a FIFO queue keeps the order; other queues serve groups one after the other.
        """
        return None

    def message_deduplication_id(self, *args: Any, **kwargs: Any) -> str | None:
        """The id by which a FIFO queue drops a second call within five minutes; None: the task id."""
        return None

    def subject(self, *args: Any, **kwargs: Any) -> str | None:
        """What a call is about, to find it by; nothing unless a subclass says so."""
        return None

    def dry_run(self, calls: Sequence[Call]) -> Sequence[DryRun]:
        """Whether the code of today would accept these calls, without running them; an answer for each, in their order.

        Asked before dead messages are sent again, of up to 500 calls at once.
        """
        return [NOT_KNOWN] * len(calls)

    def are_done(self, calls: Sequence[Call]) -> Sequence[bool | None]:
        """Whether the effect of each of these calls is there, in their order; None where that is not known.

        Asked of calls that were sent again, up to 500 at once. A call with the answer None is taken to be done when
        its success is on record.
        """
        return [None] * len(calls)

    def find_done(self, subjects: Mapping[str, str | None]) -> set[str]:
        """Of calls of this task those whose effect is there, by task id. None unless a subclass says which.

        Asked of up to 500 calls that are unfinished on record although no worker has them: a killed worker cannot say
        what it has done. A call that is not in the answer is asked for again, until no message is left in the queues.

        Args:
            subjects: by task id what each call is about; None where that is not known.
        """
        return set()

    def log_context(self, *args: Any) -> dict[str, Any]:
        """What the logs of a call carry besides its task id."""
        return {}
