"""Which of the app's queues a request is about, and what SQS says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import request
from werkzeug.exceptions import NotFound

from celery_sqs.aws.queue_numbers import QueueNumbers, QueuePair
from celery_sqs.dependencies import Answer
from celery_sqs.dependencies.recent import answers_of
from celery_sqs.dlq import DeadLetterService, DeadLetterServices
from celery_sqs.workbench.parts import parts


def has_several() -> bool:
    """Whether the pages have to say which queue something is of."""
    return len(parts().dlq.names) > 1


def argument(name: str) -> str | None:
    """What an address says of a queue: nothing where there is only one."""
    return name if has_several() else None


def requested(values: Mapping[str, str] | None = None) -> str | None:
    """The queue that a request names, or the only one there is; None if it means all.

    Raises:
        NotFound: there is no such queue.
    """
    names, name = parts().dlq.names, (request.args if values is None else values).get("queue")
    if name and name not in names:
        raise NotFound(f"There is no queue {name}; there are {', '.join(names)}.")
    return name or (None if has_several() else names[0])


def services_of(name: str | None) -> DeadLetterServices:
    """The services of a queue, or of all."""
    return parts().dlq.only(name) if name and has_several() else parts().dlq


def service_of(name: str) -> DeadLetterService:
    """The service of a queue that a message or a repair names.

    Raises:
        NotFound: the app does not have it any more.
    """
    if name not in parts().dlq.names:
        raise NotFound(f"The app has no queue {name} any more, so nothing can be done about its messages here.")
    return parts().dlq[name]


def numbers_of(names: Sequence[str]) -> dict[str, Answer[QueuePair]]:
    """What SQS says of queues and their DLQs; it takes no longer than one question."""
    return answers_of({name: parts().numbers[name] for name in names})


def added(answers: Mapping[str, Answer[QueuePair]]) -> Answer[QueuePair]:
    """The numbers of several queues as those of one; of one as they are."""
    if len(answers) == 1:
        return next(iter(answers.values()))
    pairs = [answer.value for answer in answers.values() if answer.value is not None]
    errors = [f"{name}: {answer.error}" for name, answer in answers.items() if answer.error is not None]
    ages = [answer.age for answer in answers.values() if answer.age is not None]
    pair = QueuePair(_sum([each.work for each in pairs]), _sum([each.dlq for each in pairs])) if pairs else None
    return Answer(pair, max(ages, default=None), "; ".join(errors) or None)


def _sum(numbers: Sequence[QueueNumbers | None]) -> Any:
    known = [each for each in numbers if each is not None]
    if not known:
        return None
    sums = {field: sum(getattr(each, field) for each in known) for field in ("visible", "hidden", "delayed")}
    return replace(known[0], name="", url="", attributes=(), **sums)
