"""Keeping the monitor's tables in order: one worker at a time closes what no event will end, and deletes what is old.

A host that has tables of its own to keep in order connects to `housekeeping_due`.
"""

from typing import Final

from celery.utils.dispatch import Signal

#: Sent every few minutes by the worker that keeps the tables in order, on a thread for that alone. The sender is the
#: Celery app, `engine` is of the monitor's database. `keep_on` is a function to call before each piece of work that
#: takes a second or more: False says to stop. What a receiver raises is logged.
housekeeping_due: Final = Signal(name="housekeeping_due", providing_args=["engine", "keep_on"])
