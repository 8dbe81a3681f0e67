"""What became of an order or task, from all tables."""

from app.history.history import History
from app.history.timeline import TimeLine

__all__ = ["History", "TimeLine"]
