"""A shop that writes to its customers: the Celery app, its two queues and its tasks."""

import os
from collections.abc import Sequence

from celery import Celery, chain

import celery_sqs
import outbox
from celery_sqs import BatchTask, Call, DryRun, SQSTask

SQS = os.environ.get("SQS_ENDPOINT", "http://127.0.0.1:4566")  # of the emulator that up.py starts

app = Celery("shop")
celery_sqs.setup(
    app,
    queues={"mail": f"{SQS}/000000000000/mail", "reports": f"{SQS}/000000000000/reports"},
    region="us-east-1",
    endpoint_url=SQS,
    access_key=("test", "test"),
    monitor_database="sqlite:///monitor.db",
    health_port=int(os.environ.get("HEALTH_PORT", "9808")),
)
app.conf.update(task_routes={"shop.report": "reports"}, task_soft_time_limit=15, task_time_limit=20)


class MailTask(SQSTask):
    """What operators get to know of a mail that is dead."""

    abstract = True

    def subject(self, mail: outbox.Mail) -> str:
        """To whom it is: a mail is found by that."""
        return mail["customer"]

    def dry_run(self, calls: Sequence[Call]) -> list[DryRun]:
        """Whether each mail would be sent now."""
        addresses = [outbox.address_of(call.args[0]["customer"]) for call in calls]
        return [DryRun(accepted=bool(to), why=f"goes to {to}" if to else "no address") for to in addresses]


@app.task
def write(customer: str, text: str) -> outbox.Mail:
    """Write a mail."""
    return {"customer": customer, "text": f"Dear {customer},\n\n{text}"}


@app.task(base=MailTask, bind=True, permanent=(outbox.NoAddress,))
def send(self: SQSTask, mail: outbox.Mail) -> outbox.Mail:
    """Send a mail; a second time, as SQS may deliver a message twice, has no effect."""
    outbox.send(str(self.request.id), mail)
    return mail


@app.task(base=BatchTask, batch_size=100)
def report(calls: Sequence[Call]) -> list[None]:
    """Count the mails that have been sent: one transaction for up to a hundred."""
    outbox.count({call.id: call.args[0]["customer"] for call in calls})
    return [None] * len(calls)


def welcome(customer: str) -> None:
    """Write to a customer, send that, and count it: each step is a message of its own."""
    chain(write.s(customer, "Welcome!"), send.s(), report.s()).apply_async()
