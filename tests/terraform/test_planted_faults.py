"""The checks of terraform/ catch what they are there for: each fault here is planted into a copy of its own."""

from typing import NamedTuple

import pytest

from tests.terraform import checkov
from tests.terraform.agreement import CHECKS
from tests.terraform.conftest import absent
from tests.terraform.plan import native_failures, read_plans

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(180)]

RUN = "with_a_secret_of_our_own"  # of whole.tftest.hcl


class Fault(NamedTuple):
    """A replacement in one file, and what has to notice it.

    Attributes:
        file: below terraform/.
        old: what is there, once.
        new: what is to be there instead.
        disagreement: the name of the check in agreement.py.
        test: the run of the module's own tests that fails; None where these cannot know.
        finding: checkov's number for it; None where checkov has no opinion.
    """

    file: str
    old: str
    new: str
    disagreement: str
    test: str | None = None
    finding: str | None = None


FAULTS = {
    "dead after five receives": Fault(
        file="sqs.tf",
        old="maxReceiveCount     = 3",
        new="maxReceiveCount     = 5",
        disagreement="dead_messages_go_to_the_dlq",
        test="queues_lose_nothing",
    ),
    "redrive to the work queue itself": Fault(
        file="sqs.tf",
        old="deadLetterTargetArn = aws_sqs_queue.order_dlq.arn",
        new="deadLetterTargetArn = local.queue_arn",
        disagreement="dead_messages_go_to_the_dlq",
        test="queues_lose_nothing",
    ),
    "no encryption": Fault(
        file="sqs.tf",
        old="receive_wait_time_seconds  = 20\n  sqs_managed_sse_enabled    = true",
        new="receive_wait_time_seconds  = 20\n  sqs_managed_sse_enabled    = false",
        disagreement="queues_are_encrypted_and_closed_without_tls",
        test="orders_are_encrypted",
        finding="CKV_AWS_27",
    ),
    "web may everything": Fault(
        file="iam.tf",
        old='(local.queue_arn) = ["sqs:SendMessage", "sqs:GetQueueAttributes"]\n      (local.dlq_arn)   =',
        new='(local.queue_arn) = ["sqs:*"]\n      (local.dlq_arn)   =',
        disagreement="roles_may_only_what_is_listed_on_our_queues",
        test="nobody_may_more_than_they_need",
    ),
    "a worker that cannot renew": Fault(
        file="iam.tf",
        old='        "sqs:SendMessage",\n',
        new="",
        disagreement="the_worker_renews_messages_and_leaves_dead_ones_alone",
        test="nobody_may_more_than_they_need",
    ),
    "a worker that reads dead messages": Fault(
        file="iam.tf",
        old='(local.dlq_arn) = ["sqs:GetQueueAttributes"]\n',
        new='(local.dlq_arn) = ["sqs:GetQueueAttributes", "sqs:ReceiveMessage"]\n',
        disagreement="the_worker_renews_messages_and_leaves_dead_ones_alone",
        test="nobody_may_more_than_they_need",
    ),
    "any queue": Fault(
        file="iam.tf",
        old="Resource = queue\n",
        new='Resource = "*"\n',
        disagreement="roles_may_only_what_is_listed_on_our_queues",
        test="nobody_may_more_than_they_need",
    ),
    "closed with TLS instead of without": Fault(
        file="sqs.tf",
        old='Resource  = local.queue_arn\n      Condition = { Bool = { "aws:SecureTransport" = "false" } }',
        new='Resource  = local.queue_arn\n      Condition = { Bool = { "aws:SecureTransport" = "true" } }',
        disagreement="queues_are_encrypted_and_closed_without_tls",
        test="orders_are_encrypted",
    ),
    "a database on the internet": Fault(
        file="compute/database.tf",
        old="publicly_accessible    = false",
        new="publicly_accessible    = true",
        disagreement="the_database_is_private",
        test="the_database_is_encrypted_and_out_of_reach",
        finding="CKV_AWS_17",
    ),
    "visible again before the task is over": Fault(
        file="sqs.tf",
        old="visibility_timeout_seconds = 30",
        new="visibility_timeout_seconds = 20",
        disagreement="messages_stay_hidden_for_longer_than_a_task_may_run",
        test="queues_lose_nothing",
    ),
    "a variable that nothing reads": Fault(
        file="compute/containers.tf",
        old="      METRICS_PORT = tostring(local.web_metrics)",
        new='      METRICS_PORT = tostring(local.web_metrics)\n      SQS_QUEUE    = "orders"',
        disagreement="variables_are_read",
    ),
}


@pytest.fixture(params=FAULTS)
def fault(request):
    return FAULTS[request.param]


@pytest.fixture
def faulty(fault, fetched, tmp_path):
    """A copy of the module with the fault in it."""
    copy = fetched.copy(tmp_path / "module")
    file = copy.folder / fault.file
    text = file.read_text()
    assert text.count(fault.old) == 1, f"it stands {text.count(fault.old)} times in {fault.file}"
    file.write_text(text.replace(fault.old, fault.new))
    return copy


def test_the_fault_is_caught(fault, faulty):
    plan = read_plans(faulty)[RUN]
    noticed = {check.__name__ for check in CHECKS if list(check(plan))}
    assert fault.disagreement in noticed
    if fault.test:
        folder = "compute" if fault.file.startswith("compute/") else "core"
        failures = native_failures(faulty, f"{folder}.tftest.hcl")
        assert [failure for failure in failures if failure.startswith(f"{fault.test}: ")], failures
    if fault.finding:
        require_checkov()
        findings = checkov.findings(faulty.folder)
        assert [finding for finding in findings if finding.startswith(f"{fault.finding} ")], findings


def test_a_copy_without_a_fault_passes(fetched, tmp_path):
    require_checkov()
    copy = fetched.copy(tmp_path / "module")
    plans = read_plans(copy)
    assert [finding for plan in plans.values() for check in CHECKS for finding in check(plan)] == []
    assert checkov.findings(copy.folder) == []


def require_checkov():
    if not checkov.installed():
        absent("checkov is not installed: make .venv-checkov/installed")
