"""What became of an order or task, from all tables."""

from app.history.history import History
from app.history.kinds import kind_in_words
from app.history.timeline import Entry, TimeLine

__all__ = ["Entry", "History", "TimeLine", "kind_in_words"]
