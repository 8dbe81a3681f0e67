"""What the workbench knows of the request that it answers."""

from dataclasses import dataclass, field

from flask import g
from flask.sessions import SecureCookieSession

from celery_sqs.workbench.parts import parts


@dataclass(slots=True)
class Visit:
    """A request.

    Attributes:
        session: of its browser.
        operator: who asks; None before that is known, and for a stranger.
    """

    session: SecureCookieSession = field(default_factory=SecureCookieSession)
    operator: str | None = None
    _database_answers: bool | None = None

    @property
    def database_answers(self) -> bool:
        """Whether the database does; asked once, and waited for no longer than a probe may."""
        if self._database_answers is None:
            self._database_answers = parts().database_probe.healthy()
        return self._database_answers

    def database_lost(self) -> None:
        """It has just failed: this request asks it nothing more."""
        self._database_answers = False


def visit() -> Visit:
    """The current request."""
    if "workbench" not in g:
        g.workbench = Visit()
    found: Visit = g.workbench
    return found
