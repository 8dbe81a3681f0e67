"""What a host may say of its workbench."""

from collections.abc import Callable
from typing import TypedDict

from celery_sqs.dependencies import Probe
from celery_sqs.dlq import DeadLetterServices
from celery_sqs.workbench.history.timeline import History
from celery_sqs.workbench.parts import CheckEdit, HostList
from celery_sqs.workbench.words import Words


class Options(TypedDict, total=False):
    """The host's own; each has a default.

    Attributes:
        who: the host's own login: gives who asks, or None for nobody who may; it may raise an answer of its own
            (`flask.abort`). Default: operators sign in here.
        title: what the workbench is called. Default: after the app.
        https_only: whether its cookie travels over HTTPS only, so that nobody can sign in without TLS. Default: True.
        queue: Celery's name of the only queue that it shows, with its DLQ. Default: all queues of the app.
        task: the task whose calls the overview counts. Default: all tasks.
        words: what calls are about.
        dlq: the messages in the DLQs, and their repairs. Default: `DeadLetterServices.of(app)`.
        scan_minutes: the time between two scans of each DLQ by itself, in minutes; 0 for none. Default: 1. They begin
            where `start_scans` is called.
        after_scan: called after each scan of a DLQ by itself, in the process that has scanned. Default: nothing.
        host_list: a page of the host's own with what its calls are about. Default: none.
        history: what became of calls. Default: what task events, dead messages and repairs say.
        check_edit: what is wrong with a dead message's new body, by field. Default: what a dry run says.
        database_probe: whether the database answers. Default: it is asked for a constant.
    """

    who: Callable[[], str | None]
    title: str
    https_only: bool
    queue: str
    task: str
    words: Words
    dlq: DeadLetterServices
    scan_minutes: float
    after_scan: Callable[[], object]
    host_list: HostList
    history: History
    check_edit: CheckEdit
    database_probe: Probe
