"""Terraform, config/queues.py and the provisioning of development tell the same about the two queues."""

import json
import re
import shutil
import uuid
from dataclasses import asdict

import boto3
import hcl2
import pytest
from botocore.config import Config

from config.queues import ORDER_DLQ, ORDER_QUEUE
from config.settings import DEVELOPMENT_DEFAULTS
from tasks.sqs.errors import RealEndpoint
from tasks.sqs.provision import provision
from tests.processes import BIN, ROOT, Process

TERRAFORM = ROOT / "terraform"

# Strings as their values: python-hcl2 would give them with the quotes around them.
AS_VALUES = hcl2.SerializationOptions(strip_string_quotes=True, explicit_blocks=False, with_comments=False)


def test_the_queues_are_those_of_the_architecture_decision():
    assert asdict(ORDER_QUEUE) == {
        "name": "order-processing-queue",
        "visibility_timeout": 30,
        "retention": 86400,
        "receive_wait": 20,
        "max_receive_count": 3,
        "dlq": {"name": "order-dlq", "retention": 14 * 86400},
    }


def test_terraform_names_the_queues_as_the_code_does(terraform):
    assert terraform.queues["work"]["name"] == "${var.queue_name}"
    assert terraform.queues["dlq"]["name"] == "${var.dlq_name}"
    assert terraform.defaults["queue_name"] == ORDER_QUEUE.name
    assert terraform.defaults["dlq_name"] == ORDER_DLQ.name


def test_terraform_makes_the_two_queues_and_no_other(terraform):
    assert set(terraform.queues) == {"work", "dlq"}


def test_terraform_gives_the_work_queue_the_numbers_of_the_code(terraform):
    work = terraform.queues["work"]
    assert work["visibility_timeout_seconds"] == ORDER_QUEUE.visibility_timeout
    assert work["message_retention_seconds"] == ORDER_QUEUE.retention
    assert work["receive_wait_time_seconds"] == ORDER_QUEUE.receive_wait


def test_terraform_gives_the_dlq_the_retention_of_the_code(terraform):
    assert terraform.queues["dlq"]["message_retention_seconds"] == ORDER_DLQ.retention


def test_terraform_redrives_to_the_dlq_after_the_receives_of_the_code(terraform):
    assert json_encoded(terraform.queues["work"]["redrive_policy"]) == {
        "deadLetterTargetArn": "${aws_sqs_queue.dlq.arn}",
        "maxReceiveCount": ORDER_QUEUE.max_receive_count,
    }


def test_terraform_lets_only_the_work_queue_redrive_to_the_dlq(terraform):
    assert json_encoded(terraform.queues["dlq"]["redrive_allow_policy"]) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": ["${local.queue_arn}"],
    }
    assert re.search(r"var\.queue_name\W*$", terraform.locals["queue_arn"])


@pytest.mark.parametrize("queue", ["work", "dlq"])
def test_terraform_encrypts_what_a_queue_keeps(terraform, queue):
    assert terraform.queues[queue]["sqs_managed_sse_enabled"] is True


def test_terraform_is_bound_to_no_account_and_no_region(terraform):
    assert "provider" not in terraform.blocks
    assert "backend" not in terraform.blocks["terraform"][0]
    assert not re.search(r"\b\d{12}\b|\b[a-z]{2}(-[a-z]+)+-\d\b", terraform.text)


def test_terraform_is_formatted(tmp_path):
    if shutil.which("terraform") is None:
        pytest.skip(
            "terraform is not installed, comes from neither PyPI nor Debian, and alone knows its format; "
            "what the files say is checked above without it"
        )
    command = ["terraform", "fmt", "-check", "-diff", "-recursive", TERRAFORM]
    process = Process(command, tmp_path / "fmt.log", {"CHECKPOINT_DISABLE": "1"})
    assert process.wait() == 0, f"run terraform fmt -recursive terraform\n{process.output}"


def test_the_development_defaults_name_the_same_queues():
    assert DEVELOPMENT_DEFAULTS["SQS_QUEUE_URL"].endswith(f"/{ORDER_QUEUE.name}")
    assert DEVELOPMENT_DEFAULTS["SQS_DLQ_URL"].endswith(f"/{ORDER_DLQ.name}")


def test_the_command_for_development_makes_the_queues_of_the_code(emulator, tmp_path):
    sqs, name = emulator.client(), unique_name()
    # Prefixed, so that other tests on this emulator cannot be in the way.
    prefix = f"{emulator.url}/000000000000/{name}"
    environment = {
        "APP_ENV": "development",
        "SQS_ENDPOINT": emulator.url,
        "SQS_QUEUE_URL": f"{prefix}-{ORDER_QUEUE.name}",
        "SQS_DLQ_URL": f"{prefix}-{ORDER_DLQ.name}",
    }
    command = [BIN / "flask", "--app", "app", "queues", "create"]
    process = Process(command, tmp_path / "create.log", environment)
    assert process.wait() == 0, process.output
    assert_is_the_pair_of_the_code(sqs, f"{name}-{ORDER_QUEUE.name}", f"{name}-{ORDER_DLQ.name}")


def test_provisioning_twice_changes_nothing(emulator):
    sqs, name = emulator.client(), unique_name()
    first = provision_as_in_the_code(sqs, name)
    sqs.send_message(QueueUrl=first, MessageBody="waiting")
    assert provision_as_in_the_code(sqs, name) == first
    assert_is_the_pair_of_the_code(sqs, name, f"{name}-dlq")
    assert attributes(sqs, name)["ApproximateNumberOfMessages"] == "1"


def test_provisioning_corrects_what_was_changed(emulator):
    sqs, name = emulator.client(), unique_name()
    url = provision_as_in_the_code(sqs, name)
    elsewhere = sqs.create_queue(QueueName=f"{name}-elsewhere")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=elsewhere, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(
        QueueUrl=url,
        Attributes={
            "VisibilityTimeout": "1",
            "MessageRetentionPeriod": "60",
            "ReceiveMessageWaitTimeSeconds": "0",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 9}),
        },
    )
    sqs.set_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=f"{name}-dlq")["QueueUrl"],
        Attributes={
            "MessageRetentionPeriod": "60",
            "RedriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"}),
        },
    )
    provision_as_in_the_code(sqs, name)
    assert_is_the_pair_of_the_code(sqs, name, f"{name}-dlq")


@pytest.mark.parametrize("dualstack", [False, True], ids=["ipv4", "dualstack"])
@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1"])
def test_provisioning_refuses_aws_itself_before_any_call(region, dualstack):
    session = boto3.session.Session("no-key", "no-secret", region_name=region)
    config = Config(ignore_configured_endpoint_urls=True, use_dualstack_endpoint=dualstack)
    sqs = session.client("sqs", config=config)
    calls = []

    def forbid(request, **_):
        calls.append(request.url)
        raise AssertionError(f"a call to {request.url}")

    sqs.meta.events.register("before-send.sqs", forbid)
    with pytest.raises(RealEndpoint, match=re.escape(sqs.meta.endpoint_url)):
        provision_as_in_the_code(sqs, "orders")
    assert calls == []


@pytest.fixture(scope="module")
def terraform():
    return Terraform()


class Terraform:
    """What the module says, as data."""

    def __init__(self):
        self.text = "\n".join(path.read_text() for path in sorted(TERRAFORM.glob("*.tf")))
        self.blocks = hcl2.loads(self.text, serialization_options=AS_VALUES)
        self.queues = {
            name: body for block in self.blocks["resource"] for name, body in block.get("aws_sqs_queue", {}).items()
        }
        self.defaults = {name: body.get("default") for block in self.blocks["variable"] for name, body in block.items()}
        self.locals = {name: value for block in self.blocks["locals"] for name, value in block.items()}


def json_encoded(expression):
    """The object inside `jsonencode(...)`, which python-hcl2 leaves as text."""
    found = re.fullmatch(r"\$\{jsonencode\((.*)\)\}", expression, re.DOTALL)
    assert found, f"not jsonencode(...): {expression}"
    return hcl2.loads(f"value = {found[1]}\n", serialization_options=AS_VALUES)["value"]


def unique_name():
    return f"facts-{uuid.uuid4().hex[:12]}"


def provision_as_in_the_code(sqs, name):
    return provision(
        sqs,
        queue=name,
        dlq=f"{name}-dlq",
        visibility_timeout=ORDER_QUEUE.visibility_timeout,
        retention=ORDER_QUEUE.retention,
        receive_wait=ORDER_QUEUE.receive_wait,
        max_receive_count=ORDER_QUEUE.max_receive_count,
        dlq_retention=ORDER_DLQ.retention,
    )


def attributes(sqs, name):
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def assert_is_the_pair_of_the_code(sqs, queue, dlq):
    work, dead = attributes(sqs, queue), attributes(sqs, dlq)
    assert work["VisibilityTimeout"] == str(ORDER_QUEUE.visibility_timeout)
    assert work["MessageRetentionPeriod"] == str(ORDER_QUEUE.retention)
    assert work["ReceiveMessageWaitTimeSeconds"] == str(ORDER_QUEUE.receive_wait)
    redrive = json.loads(work["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == dead["QueueArn"]
    assert int(redrive["maxReceiveCount"]) == ORDER_QUEUE.max_receive_count
    assert dead["MessageRetentionPeriod"] == str(ORDER_DLQ.retention)
    assert json.loads(dead["RedriveAllowPolicy"]) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [work["QueueArn"]],
    }
