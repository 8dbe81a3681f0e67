"""The core of terraform/ is applied, used, changed behind Terraform's back and destroyed, on emulators.

The tests are one story, in this order. What only AWS can show is not in here: that ECS may assume the roles, that
CloudWatch gets numbers and calls somebody, and whatever terraform/compute makes.
"""

import json
import re

import pytest
from botocore.exceptions import ClientError

from config.queues import ORDER_DLQ, ORDER_QUEUE
from tests.polling import poll
from tests.terraform import aws as emulators
from tests.terraform.aws import ACCOUNT, Aws
from tests.terraform.conftest import absent
from tests.terraform.services import REFUSE, Services

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(180)]

OPERATOR = f"arn:aws:iam::{ACCOUNT}:user/ada"
NOTHING = "0" * 12
QUEUES = {ORDER_QUEUE.name: "queue_arn", ORDER_DLQ.name: "dlq_arn"}

#: Every call that a program may make of a queue, and some that only an administrator may.
CALLS = {
    "sqs:SendMessage": lambda sqs, url: sqs.send_message(QueueUrl=url, MessageBody="{}"),
    "sqs:ReceiveMessage": lambda sqs, url: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0),
    "sqs:DeleteMessage": lambda sqs, url: sqs.delete_message(QueueUrl=url, ReceiptHandle=NOTHING),
    "sqs:ChangeMessageVisibility": lambda sqs, url: sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=NOTHING, VisibilityTimeout=0
    ),
    "sqs:GetQueueAttributes": lambda sqs, url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]),
    "sqs:SetQueueAttributes": lambda sqs, url: sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"}),
    "sqs:PurgeQueue": lambda sqs, url: sqs.purge_queue(QueueUrl=url),
    "sqs:DeleteQueue": lambda sqs, url: sqs.delete_queue(QueueUrl=url),
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    if not emulators.installed():
        absent("the emulators are not installed: make test-terraform")
    running = Aws(tmp_path_factory.mktemp("aws"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def operator_keys(aws):
    """The keys of a person who may assume roles, where these allow it, and nothing else."""
    iam = aws.client("iam")
    iam.create_user(UserName="ada")
    may_assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [may_assume]})
    iam.put_user_policy(UserName="ada", PolicyName="assume", PolicyDocument=document)
    made = iam.create_access_key(UserName="ada")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}


@pytest.fixture(scope="module")
def module(aws, operator_keys, fetched, tmp_path_factory):
    """The module, applied."""
    copy = fetched.copy(tmp_path_factory.mktemp("applied") / "module", aws.variables())
    copy.set(operator_principals=[OPERATOR])
    # Or the provider would ask an emulator that has failed for minutes.
    (copy.folder / "retries_override.tf").write_text('provider "aws" {\n  max_retries = 2\n}\n')
    done = copy.run("apply", "-auto-approve", "-input=false")
    assert done.code == 0, done.output
    return copy


@pytest.fixture(scope="module")
def outputs(module):
    values = json.loads(module.run("output", "-json").output)
    return {name: output["value"] for name, output in values.items()}


@pytest.fixture(scope="module")
def keys(aws, outputs, operator_keys):
    """The keys of each role. For those that only ECS may assume, we are let in for the moment that it takes."""
    iam = aws.client("iam")
    given = {"operator": aws.assume(outputs["operator_role_arn"], operator_keys)}
    for name in ("web", "worker"):
        role = _role_name(outputs, name)
        trusted = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        ours = {"Effect": "Allow", "Principal": {"AWS": OPERATOR}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [ours]})
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=document)
        given[name] = aws.assume(outputs[f"{name}_role_arn"], operator_keys)
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trusted))
    return given


@pytest.fixture(scope="module")
def rights(aws, outputs):
    """What IAM says that each role may, as actions and names of queues."""
    iam = aws.client("iam")

    def allowed(arn):
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        for statement in document["Statement"]:
            for action in statement["Action"]:
                yield action, statement["Resource"].rsplit(":", 1)[1]

    return {role: set(allowed(arn)) for role, arn in outputs["policy_arns"].items()}


@pytest.fixture(scope="class")
def services(aws, outputs, keys, rights, mariadb_server, tmp_path_factory):
    """The service's processes. IAM allows a batch by the name of the single action, and ministack does not."""
    iam = aws.client("iam")
    for role, allowed in rights.items():
        batches = [
            {"Effect": "Allow", "Action": f"{action}Batch", "Resource": outputs[QUEUES[queue]]}
            for action, queue in allowed
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": batches})
        iam.put_role_policy(RoleName=_role_name(outputs, role), PolicyName="batches", PolicyDocument=document)
    running = Services(aws, outputs, keys, mariadb_server.fresh(), tmp_path_factory.mktemp("services"))
    yield running
    running.stop()
    for role in rights:
        iam.delete_role_policy(RoleName=_role_name(outputs, role), PolicyName="batches")


def test_a_plan_after_the_apply_is_empty(module):
    done = module.run("plan", "-detailed-exitcode", "-input=false")
    assert done.code == 0, done.output


def test_a_state_with_the_queues_earlier_addresses_keeps_its_queues(module):
    for old, new in {"work": "order_queue", "dlq": "order_dlq"}.items():
        done = module.run("state", "mv", f"aws_sqs_queue.{new}", f"aws_sqs_queue.{old}")
        assert done.code == 0, done.output
    done = module.run("apply", "-auto-approve", "-input=false")
    assert done.code == 0, done.output
    assert "0 added, 0 changed, 0 destroyed" in done.output


@pytest.mark.parametrize("role", ["web", "worker"])
def test_a_person_may_not_assume_the_role_of_a_service(aws, outputs, operator_keys, role):
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.assume(outputs[f"{role}_role_arn"], operator_keys)


@pytest.mark.parametrize("queue", [ORDER_QUEUE.name, ORDER_DLQ.name])
@pytest.mark.parametrize("role", ["web", "worker", "operator"])
def test_a_role_may_what_its_policy_says_and_nothing_else(aws, outputs, keys, rights, role, queue):
    sqs = aws.client("sqs", keys[role])
    url = outputs["queue_url"] if queue == ORDER_QUEUE.name else outputs["dlq_url"]
    allowed = {action for action, call in CALLS.items() if _is_allowed(call, sqs, url)}
    assert allowed == {action for action, name in rights[role] if name == queue}
    aws.client("sqs").purge_queue(QueueUrl=url)


class TestWithTheKeysOfTheRolesAlone:
    def test_an_order_goes_to_the_dlq_and_back(self, services, token, mariadb_server):
        database = services.database
        mariadb_server.execute(REFUSE, database)
        web = services.web(token())
        services.worker()
        kept, thrown_away = web.post(product="explosive"), web.post(product="explosive")
        web.post()
        poll(lambda: {web.state(kept), web.state(thrown_away)} == {"dead"}, 30, "both orders are in the DLQ")
        assert web.get("/readyz").ok
        assert f'sqs_queue_up{{queue="{ORDER_QUEUE.name}"}} 1.0' in web.metrics()

        mariadb_server.execute("DROP TRIGGER refuse", database)
        services.celery("sqs", "preflight")
        [group] = json.loads(services.flask("dlq", "ls", "--json"))["found"]
        messages = json.loads(services.flask("dlq", "ls", "--json", "--group", group["fingerprint"]))["found"]
        [spoilt] = [message["message_id"] for message in messages if message["subject"] == thrown_away]
        services.flask("dlq", "discard", spoilt, "--yes", "--reason", "a test")
        services.flask("dlq", "redrive", "--all", "--yes", "--reason", "mended")
        assert web.state(kept) == "persisted"

    def test_the_workbench_shows_both_queues(self, services):
        with services.workbench().signed_in() as browser:
            assert ORDER_DLQ.name in browser.get("/queues")
            browser.post("/dlq/scan", page="/dlq")

    @pytest.mark.parametrize("role", ["web", "worker", "operator"])
    def test_what_a_role_may_is_what_its_processes_have_called(self, services, rights, role):
        """Seen in the traffic of the two tests above: no right is missing, and none is left over."""
        assert services.calls(role) == rights[role]

    def test_no_process_was_refused_anything(self, services):
        assert services.refused() == set()


def test_nobody_may_use_a_queue_without_tls(aws, outputs):
    with aws.without_tls() as url:
        sqs = aws.client("sqs", url=url)
        without_policy = sqs.create_queue(QueueName="open")["QueueUrl"]
        sqs.send_message(QueueUrl=without_policy, MessageBody="{}")
        sqs.delete_queue(QueueUrl=without_policy)
        for queue in (outputs["queue_url"], outputs["dlq_url"]):
            with pytest.raises(ClientError, match="AccessDenied"):
                sqs.send_message(QueueUrl=queue.replace("https:", "http:"), MessageBody="{}")
    aws.client("sqs").get_queue_attributes(QueueUrl=outputs["queue_url"], AttributeNames=["All"])


def test_a_plan_sees_exactly_what_somebody_has_changed(aws, module, outputs):
    aws.client("sqs").set_queue_attributes(QueueUrl=outputs["queue_url"], Attributes={"VisibilityTimeout": "31"})
    done = module.run("plan", "-detailed-exitcode", "-input=false", "-out=seen.tfplan")
    assert done.code == 2, done.output
    plan = json.loads(module.run("show", "-json", "seen.tfplan").output)
    [change] = [change for change in plan["resource_changes"] if change["change"]["actions"] != ["no-op"]]
    before, after = change["change"]["before"], change["change"]["after"]
    differing = {name: (before[name], after.get(name)) for name in before if before[name] != after.get(name)}
    assert (change["address"], differing) == ("aws_sqs_queue.order_queue", {"visibility_timeout_seconds": (31, 30)})


def test_it_is_destroyed_and_nothing_is_left(aws, module):
    done = module.run("destroy", "-auto-approve", "-input=false")
    assert done.code == 0, done.output
    assert module.run("state", "list").output.strip() == ""
    assert aws.client("sqs").list_queues().get("QueueUrls", []) == []


def _role_name(outputs, role):
    return outputs[f"{role}_role_arn"].rsplit("/", 1)[1]


def _is_allowed(call, sqs, url):
    """Whether IAM lets a call through, whatever the queue then says to it."""
    try:
        call(sqs, url)
    except ClientError as error:
        return not re.search("AccessDenied", error.response["Error"]["Code"])
    return True
