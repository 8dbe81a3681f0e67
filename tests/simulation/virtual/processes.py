"""Simulated processes and their threads."""

import sys
import traceback
from typing import Any

from greenlet import getcurrent, greenlet


class Process:
    """Threads that end together.

    Attributes:
        name: for the trace.
        threads: those that have not ended, in the order of their start.
        is_alive: whether it has not been killed.
        frozen_until: none of its threads runs before.
        executors: its thread pools, by the handle that `system.futures` gave.
        worker: whose child it is.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.threads: dict[SimulatedThread, None] = {}
        self.is_alive = True
        self.frozen_until = 0.0
        self.executors: dict[Any, Any] = {}
        self.worker: Process | None = None


class SimulatedThread:
    """One thread. All of it but its name and its process belongs to the scheduler."""

    __slots__ = (
        "greenlet",
        "is_blocked",
        "is_done",
        "is_killed",
        "is_woken",
        "joiners",
        "name",
        "number",
        "process",
        "ticket",
    )

    def __init__(self, process: Process, name: str, number: int) -> None:
        self.process = process
        self.name = name
        self.number = number
        self.greenlet: greenlet
        self.is_blocked = self.is_woken = self.is_done = self.is_killed = False
        self.ticket = 0  # of its present wait: what wakes it must be of the same
        self.joiners: list[SimulatedThread] = []

    def stack(self) -> str:
        """Where it is."""
        frame = sys._getframe() if self.greenlet is getcurrent() else self.greenlet.gr_frame
        lines = traceback.format_stack(frame)[-8:] if frame else ["  not begun"]
        return f"{self.process.name} {self.name}:\n{''.join(lines)}"
