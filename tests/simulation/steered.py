"""A life that is lived step by step: whoever steers it has an act done in it, and goes on in between."""

from collections.abc import Callable
from typing import Any, Final

from greenlet import getcurrent, greenlet

from tests.simulation.conditions import Conditions
from tests.simulation.life import Life, Outcome
from tests.simulation.world.task import SimulatedChannel

Act = Callable[[], Any]

END: Final = None  # instead of an act: what goes wrong is over


class Steered:
    """A life in a greenlet of its own, which goes on while an act is done in it.

    Args:
        conditions: of the life.
        channel: the class of the workers' channels.

    Attributes:
        life: it.
        is_over: whether it has come to its end.
    """

    life: Life

    def __init__(self, conditions: Conditions, channel: type[SimulatedChannel]) -> None:
        self.is_over = False
        self._steers = getcurrent()
        self._acts: greenlet
        self._go_on(greenlet(lambda: self._live(conditions, channel)))

    def do(self, act: Act | None) -> None:
        """Have an act done on the life's own thread.

        Raises:
            BaseException: the life has come to a bad end meanwhile.
        """
        self._go_on(self._acts, act)

    def _go_on(self, where: greenlet, *what: Any) -> None:
        outcome = where.switch(*what)
        if isinstance(outcome, Outcome):
            self.is_over = True
            if outcome.violation is not None:
                raise outcome.violation

    def _live(self, conditions: Conditions, channel: type[SimulatedChannel]) -> Outcome:
        self.life = Life(conditions, [], self._course, channel=channel)
        return self.life.live()

    def _course(self, life: Life) -> None:
        self._acts = getcurrent()
        while (act := self._steers.switch()) is not END:
            act()
