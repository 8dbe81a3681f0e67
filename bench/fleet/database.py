"""MariaDB in the model: one statement and one commit for each batch, on a connection of its own."""

from collections.abc import Callable

from bench.fleet.costs import StatementCosts
from bench.fleet.events import Action, Cores, Events


class Database:
    """A server.

    Args:
        events: the clock.
        cores: of the server, or of the machine that it shares.
        costs: of a statement.
        commit: seconds that a commit waits for its disk, and its standby.
        stored: called with the messages whose rows are committed.

    Attributes:
        commits: so far.
        rows: committed so far.
    """

    def __init__(
        self,
        events: Events,
        cores: Cores,
        costs: StatementCosts,
        commit: float = 0.0,
        stored: Callable[[list[float]], None] = lambda _: None,
    ) -> None:
        self._events = events
        self._cores = cores
        self._costs = costs
        self._commit = commit
        self._stored = stored
        self.commits = 0
        self.rows = 0

    def commit(self, batch: list[float], then: Action) -> None:
        """Execute the statement of a batch, and commit it."""

        def committed() -> None:
            self.commits += 1
            self.rows += len(batch)
            self._stored(batch)
            then()

        seconds = self._costs.statement + self._costs.row * len(batch)
        self._cores.compute(seconds, lambda: self._events.after(self._commit, committed))
