"""What the pages of a workbench work with, put together once per Flask application."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from flask import current_app

from celery_sqs.aws.queue_numbers import QueuePair
from celery_sqs.dependencies import Probe, Recent
from celery_sqs.dlq import DeadLetterServices, DeadMessage, ScanSchedule
from celery_sqs.monitor import EventReader
from celery_sqs.monitor.pauses import PauseStore
from celery_sqs.workbench.history.timeline import History
from celery_sqs.workbench.operators import Operators
from celery_sqs.workbench.runs import Runs
from celery_sqs.workbench.words import Words
from celery_sqs.worker.preflight import Report

#: The blueprint's name, with which every endpoint begins.
NAME: Final = "workbench"

#: What is wrong with a dead message's new body, by field; `form` is what is wrong with all of it.
CheckEdit = Callable[[DeadMessage, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a host's list.

    Attributes:
        subject: what it is about: leads to its time line.
        at: an instant for each column of the list; aware, UTC.
    """

    subject: str
    at: Sequence[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostList:
    """A page of the host's own: a list of what its calls are about, such as parcels that are late.

    Attributes:
        name: in its address: `/lists/NAME` below the workbench's.
        title: its heading, and the text of the link to it.
        lead: what it shows and what to do about it: a sentence or two.
        empty: what it says without rows.
        columns: the headings of the instants.
        count: how many rows there are, which is shown beside the link.
        rows: up to so many rows, the first of them first.
    """

    name: str
    title: str
    lead: str
    empty: str
    columns: Sequence[str]
    count: Callable[[], int]
    rows: Callable[[int], Sequence[Listed]]


@dataclass(frozen=True)
class Parts:
    """A workbench's parts.

    Attributes:
        title: its name.
        words: what calls are about.
        app_name: the Celery app's.
        task: the task that the overview counts; None for all.
        operators: who may use it.
        who: the host's own login; None where operators sign in here.
        event_reader: the states of tasks and workers.
        dlq: the messages in the DLQs, and their repairs.
        history: what became of a task.
        check_edit: what is wrong with a message that an operator has edited.
        runs: what takes longer than a page.
        numbers: SQS's numbers on each queue and its DLQ, by Celery's name of the queue.
        reports: what the settings of each mean, and what contradicts them.
        schedule: the scans that nobody asks for; None without any. It runs where it was started.
        host_list: the host's own page; None without one.
        database_probe: whether the database answers.
        pauses: of the queues' consumption.
        queue_names: what Celery calls the app's queues.
    """

    NAME: ClassVar = "celery-sqs-workbench"

    title: str
    words: Words
    app_name: str
    task: str | None
    operators: Operators
    who: Callable[[], str | None] | None
    event_reader: EventReader
    dlq: DeadLetterServices
    history: History
    check_edit: CheckEdit
    runs: Runs
    numbers: Mapping[str, Recent[QueuePair]]
    reports: Mapping[str, Recent[Report]]
    schedule: ScanSchedule | None
    host_list: HostList | None
    database_probe: Probe
    pauses: PauseStore
    queue_names: tuple[str, ...]


def parts() -> Parts:
    """The current application's parts."""
    made: Parts = current_app.extensions[Parts.NAME]
    return made
