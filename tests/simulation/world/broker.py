"""The simulated SQS of one life, and whom it has given what: what may excuse that a message comes once more."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from celery_sqs.message import eta
from tests.simulation.sqs import Faults, NoAnswer, SimulatedSQS
from tests.simulation.sqs.message import Message, State
from tests.simulation.virtual.scheduler import Process, Scheduler, SimulatedThread
from tests.simulation.virtual.seam import wall_clock
from tests.simulation.world.faults import FaultRates
from tests.simulation.world.plans import MAX_RECEIVES, Plan

URL: Final = "https://sqs.eu-central-1.amazonaws.com"
WORK: Final = "work"
DEAD: Final = "dead"


class Broker:
    """SQS with a queue and its DLQ.

    Args:
        scheduler: for time and chance.
        rates: how often calls fail.
        sizes: its `visibility_timeout`, `retention` and `poll_wait`, in seconds.

    Attributes:
        url: the queue's.
        is_away: whether it cannot be reached.
        on_kill: called with a process that is to be killed in a call.
        plans: the messages, by key.
        faults: how often each kind of fault has happened.
    """

    def __init__(self, scheduler: Scheduler, rates: FaultRates, sizes: Any) -> None:
        self.scheduler = scheduler
        self.rates = rates
        self.is_away = False
        self.on_kill: Callable[[Process], None] = lambda process: None
        self.plans: dict[str, Plan] = {}
        self.faults: dict[str, int] = {}
        self._sqs = SimulatedSQS(lambda: wall_clock(scheduler), scheduler.random, URL)
        self._dead = self._sqs.call("CreateQueue", {"QueueName": DEAD})["QueueUrl"]
        arn = self._sqs.call("GetQueueAttributes", {"QueueUrl": self._dead, "AttributeNames": ["QueueArn"]})
        redrive = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": MAX_RECEIVES}
        attributes = {
            "RedrivePolicy": json.dumps(redrive),
            "VisibilityTimeout": str(sizes.visibility_timeout),
            "MessageRetentionPeriod": str(sizes.retention),
            "ReceiveMessageWaitTimeSeconds": str(sizes.poll_wait),
        }
        self.url: str = self._sqs.call("CreateQueue", {"QueueName": WORK, "Attributes": attributes})["QueueUrl"]
        self._has: dict[str, Process] = {}  # by receipt handle
        self._unanswered: Counter[Process] = Counter()  # the last calls of those that extend leases
        self._pollers: list[SimulatedThread] = []

    def publish(self, plan: Plan) -> None:
        """Send a message, as its producer does."""
        plan.sent_at = self.scheduler.now
        self.plans[plan.key] = plan
        plan.due_at = plan.sent_at + plan.due_in
        texts, delay = {"celery_task": plan.task}, 0
        if plan.due_in:
            due = datetime.fromtimestamp(wall_clock(self.scheduler) + plan.due_in, UTC)
            headers = {eta.ETA: due.isoformat()}
            delay = eta.take(headers) if plan.is_delayed else 0
            texts["celery_headers"] = json.dumps(headers)
        attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
        body = json.dumps({"key": plan.key})
        parameters = {"QueueUrl": self.url, "MessageBody": body, "MessageAttributes": attributes, "DelaySeconds": delay}
        plan.message_id = self._sqs.call("SendMessage", parameters)["MessageId"]
        self._changed()

    def call(self, process: Process, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Make a call; a receive waits as it says.

        Raises:
            Refused: SQS refuses it.
            NoAnswer: it took effect.
        """
        entries = len(parameters.get("Entries", ()))
        faults = self.rates.of_call(self.scheduler.random, action, entries)
        self._excuse(action, parameters, faults)
        answer: dict[str, Any] = {}
        try:
            answer = self._sqs.call(action, parameters, faults)
            if action == "ReceiveMessage" and not answer:
                answer = self._waited(parameters)
        except NoAnswer:
            self.note("a lost answer")
            self._excuse_leases(process)
            raise
        finally:
            if action != "GetQueueAttributes":
                self._changed()
        for message in answer.get("Messages", ()):
            self._has[message["ReceiptHandle"]] = process
        if self._extends_leases:
            del self._unanswered[process]
        self.scheduler.note(action, [self._keys(parameters, answer)], _shown(faults))
        return answer

    def note(self, fault: str) -> None:
        """Count a fault."""
        self.faults[fault] = self.faults.get(fault, 0) + 1

    def in_flight(self, process: Process | None = None) -> list[Plan]:
        """The messages that a process has, or any."""
        messages = [message for message in self._work() if message.state is State.IN_FLIGHT]
        return [self.plan(each) for each in messages if process is None or self._has.get(each.handle) is process]

    def plan(self, message: Message) -> Plan:
        """The plan of a message."""
        return self.plans[json.loads(message.body)["key"]]

    def excuse(self, fault: str, plans: list[Plan]) -> None:
        """A fault has met these messages."""
        for plan in plans:
            plan.excuses.append(f"{self.scheduler.now:.3f} {fault}")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left in the queue."""
        return not self._work()

    def dead(self) -> list[Message]:
        """What is in the DLQ."""
        return self._sqs.messages(self._dead)

    def dead_letters(self) -> list[dict[str, Any]]:
        """What is in the DLQ, as a receive brings it; it stays visible."""
        parameters: dict[str, Any] = {
            "QueueUrl": self._dead,
            "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": 0,
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["All"],
        }
        found: list[dict[str, Any]] = []
        while messages := self._sqs.call("ReceiveMessage", parameters).get("Messages"):
            found += messages
        for each in found:
            hidden = {"QueueUrl": self._dead, "ReceiptHandle": each["ReceiptHandle"], "VisibilityTimeout": 0}
            self._sqs.call("ChangeMessageVisibility", hidden)
        return found

    def bury_no_more(self, receipt_handle: str) -> None:
        """Delete a dead message."""
        self._sqs.call("DeleteMessage", {"QueueUrl": self._dead, "ReceiptHandle": receipt_handle})

    def resend(self, entry: dict[str, Any]) -> str:
        """Send a copy to the queue."""
        message_id: str = self._sqs.call("SendMessage", {"QueueUrl": self.url, **entry})["MessageId"]
        self._changed()
        return message_id

    def left(self) -> list[Plan]:
        """What is in the queue."""
        return [self.plan(each) for each in self._work()]

    def _work(self) -> list[Message]:
        return self._sqs.messages(self.url)

    def _waited(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The answer of a long poll."""
        scheduler = self.scheduler
        until = scheduler.now + self._sqs.wait(parameters)
        while scheduler.now < until:
            change = self._sqs.next_change(self.url)
            seconds = until if change is None else min(until, change - wall_clock(scheduler) + scheduler.now + 1e-6)
            self._pollers.append(scheduler.current)
            try:
                scheduler.block(seconds)
            finally:
                if scheduler.current in self._pollers:
                    self._pollers.remove(scheduler.current)
            if answer := self._sqs.call("ReceiveMessage", parameters):
                return answer
        return {}

    def _changed(self) -> None:
        """What is visible now may be what a long poll waits for."""
        pollers, self._pollers = self._pollers, []
        for thread in pollers:
            self.scheduler.wake(thread)

    def _excuse(self, action: str, parameters: dict[str, Any], faults: Faults) -> None:
        """What goes wrong with a call may have messages come once more."""
        if faults.refusal:
            self.note("a refused call")
        if faults.failing_entries:
            self.note("a batch that fails in part")
        if faults.finds_nothing:
            self.note("a receive that finds nothing")
        if faults.delivers_again:
            self.note("a duplicate delivery")
            self.excuse("a duplicate delivery", self.in_flight())
        if faults.forgets_deletions:
            self.note("a forgotten deletion")
            self.excuse("a forgotten deletion", self._of(parameters))
        if faults.loses_answer and action in {"SendMessageBatch", "ReceiveMessage"}:
            self.excuse(f"a lost answer to {action}", self._of(parameters) or self.left())

    @property
    def _extends_leases(self) -> bool:
        return self.scheduler.current.name == "sqs-leases"

    def _excuse_leases(self, process: Process) -> None:
        """Two answers in a row that are not had take longer than the half of a visibility timeout that is left."""
        if self._extends_leases:
            self._unanswered[process] += 1
            if self._unanswered[process] > 1:
                self.excuse("lost answers to what extends leases", self.in_flight(process))

    def _of(self, parameters: dict[str, Any]) -> list[Plan]:
        """The messages of a batch call."""
        found = []
        for entry in parameters.get("Entries", ()):
            if "MessageBody" in entry:
                found.append(self.plans[json.loads(entry["MessageBody"])["key"]])
            else:
                found += [self.plan(each) for each in self._work() if each.handle == entry["ReceiptHandle"]]
        return found

    def _keys(self, parameters: dict[str, Any], answer: dict[str, Any]) -> str:
        if not self.scheduler.is_traced:
            return ""
        received = [json.loads(each["Body"])["key"] for each in answer.get("Messages", ())]
        return " ".join([*(plan.key for plan in self._of(parameters)), *received])


def _shown(faults: Faults) -> str:
    return "" if faults == Faults() else repr(faults)
