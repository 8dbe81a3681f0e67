"""Whose fault a failed attempt was, as people read it."""

from typing import Final

#: Where one word does not say it.
_WORDS: Final = {
    "begun": "running, or its worker was killed",
    "lost": "lost: its worker was killed, or it took too long",
}


def kind_in_words(kind: str) -> str:
    """A value of `celery_sqs.tasks.decision.Kind` in words."""
    return _WORDS.get(kind, kind)
