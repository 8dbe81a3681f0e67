"""config/queues.py and the provisioning of development have the same facts about the two queues.

Of what Terraform makes, tests/terraform/test_agreement.py says that.
"""

import json
import re
import uuid
from dataclasses import asdict

import boto3
import pytest
from botocore.config import Config

from celery_sqs.errors import NotAnEmulator
from celery_sqs.testing import provision
from config.queues import ORDER_DLQ, ORDER_QUEUE
from config.settings import DEVELOPMENT_DEFAULTS
from tests.processes import BIN, Process


def test_the_queues_are_those_of_the_architecture_decision():
    assert asdict(ORDER_QUEUE) == {
        "name": "order-processing-queue",
        "visibility_timeout": 30,
        "retention": 86400,
        "receive_wait": 20,
        "max_receive_count": 3,
        "dlq": {"name": "order-dlq", "retention": 14 * 86400},
    }


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
    with pytest.raises(NotAnEmulator, match=re.escape(sqs.meta.endpoint_url)):
        provision_as_in_the_code(sqs, "orders")
    assert calls == []


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
