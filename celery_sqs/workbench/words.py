"""What the app's calls are about, in the host's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

TASK: Final = "task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of a host, on the pages and in their addresses. By default the calls are about no subject.

    Attributes:
        singular: what a call is about, as the task's hook `subject` names it: `parcel`.
        plural: several of them: `parcels`. A time line is at `/parcels/ID` below the workbench's address.
        done: what has become of it when its task has succeeded: `shipped`.
        proof: what a repair waits for, as the task's hook `are_done` finds it: `the row`.
        without_database: a sentence: what goes on without the database that the workbench reads.
        where_ids_are: a sentence: where people find the ids to search for.
        entries: for each kind of entry that the host's `History` has of its own its title, and the class of its colour:
            `ok`, `accent`, `warning`, `danger` or none.
    """

    singular: str = TASK
    plural: str = "tasks"
    done: str = "succeeded"
    proof: str = "the task's success"
    without_database: str = "Calls are still sent, and wait in the queue for a worker."
    where_ids_are: str = "Whoever calls a task gets its id, and the logs have both."
    entries: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def ids(self) -> str:
        """By what a time line is found, besides the id of a dead message."""
        return "task id" if self.singular == TASK else f"{self.singular} id, task id"

    def named(self, subject: str | None, task_id: str) -> str | None:
        """The id that a time line is found by: the subject's; where calls have none, the task's."""
        return subject or (task_id if self.singular == TASK else None)
