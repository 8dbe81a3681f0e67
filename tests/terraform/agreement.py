"""Where a plan and the code contradict each other, in sentences.

Each of CHECKS takes a plan and yields what is wrong with it; nothing when all is well.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from celery_sqs.consume.retention.ages import LONGEST_PAUSE, OLD
from config.queues import ORDER_DLQ, ORDER_QUEUE
from tasks.application import TIME_LIMIT
from tests.terraform.containers import (
    environments_load,
    health_is_asked_where_it_is_told,
    pools_have_their_connections,
    stops_leave_time_to_drain,
    variables_are_read,
)
from tests.terraform.plan import ROLES, Plan

Check = Callable[[Plan], Iterator[str]]

TLS_ONLY: Final = {"Bool": {"aws:SecureTransport": "false"}}


def queues_have_the_numbers_of_the_code(plan: Plan) -> Iterator[str]:
    queues = plan.all("aws_sqs_queue")
    if queues.keys() != {"order_queue", "order_dlq"}:
        yield f"there are the queues {sorted(queues)}"
    wanted = {
        "order_queue": {
            "name": ORDER_QUEUE.name,
            "visibility_timeout_seconds": ORDER_QUEUE.visibility_timeout,
            "message_retention_seconds": ORDER_QUEUE.retention,
            "receive_wait_time_seconds": ORDER_QUEUE.receive_wait,
        },
        "order_dlq": {"name": ORDER_DLQ.name, "message_retention_seconds": ORDER_DLQ.retention},
    }
    for queue, numbers in wanted.items():
        for name, number in numbers.items():
            if queues[queue][name] != number:
                yield f"{queue}: {name} is {queues[queue][name]}, and {number} in config/queues.py"


def messages_stay_hidden_for_longer_than_a_task_may_run(plan: Plan) -> Iterator[str]:
    hidden = plan.all("aws_sqs_queue")["order_queue"]["visibility_timeout_seconds"]
    if hidden <= TIME_LIMIT:
        yield f"a message is visible again after {hidden} s, and a task may run for {TIME_LIMIT} s"


def an_order_that_no_worker_renews_is_alarmed_of(plan: Plan) -> Iterator[str]:
    alarm = plan.all("aws_cloudwatch_metric_alarm")["oldest_order_expires"]
    renewed_after = ORDER_QUEUE.retention * (OLD + LONGEST_PAUSE)
    if alarm["threshold"] != renewed_after:
        yield f"it is alarmed of after {alarm['threshold']} s, and workers have renewed it after {renewed_after:g} s"


def dead_messages_go_to_the_dlq(plan: Plan) -> Iterator[str]:
    queues = plan.all("aws_sqs_queue")
    redrive = json.loads(queues["order_queue"]["redrive_policy"])
    if redrive["deadLetterTargetArn"] != plan.output("dlq_arn"):
        yield f"dead messages go to {redrive['deadLetterTargetArn']}"
    if redrive["maxReceiveCount"] != ORDER_QUEUE.max_receive_count:
        yield f"a message is dead after {redrive['maxReceiveCount']} receives"
    allowed = json.loads(queues["order_dlq"]["redrive_allow_policy"])
    if allowed != {"redrivePermission": "byQueue", "sourceQueueArns": [plan.output("queue_arn")]}:
        yield f"the DLQ takes dead messages from {allowed}"


def queues_are_encrypted_and_closed_without_tls(plan: Plan) -> Iterator[str]:
    for name, queue in plan.all("aws_sqs_queue").items():
        if queue["sqs_managed_sse_enabled"] is not True:
            yield f"{name}: what it keeps is not encrypted"
        statements = json.loads(queue["policy"])["Statement"]
        denied = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": queue["arn"],
            "Condition": TLS_ONLY,
        }
        if [{key: each[key] for key in each if key != "Sid"} for each in statements] != [denied]:
            yield f"{name}: its policy is not just that nobody may do anything without TLS, but {statements}"


def roles_may_only_what_is_listed_on_our_queues(plan: Plan) -> Iterator[str]:
    queues = {plan.output("queue_arn"), plan.output("dlq_arn")}
    for name, statement in statements(plan):
        if statement["Effect"] != "Allow" or statement.keys() - {"Sid"} != {"Effect", "Action", "Resource"}:
            yield f"{name}: a statement that is no plain permission: {statement}"
        if statement["Resource"] not in queues:
            yield f"{name}: it is about {statement['Resource']}, which is neither of our queues"
        loose = [action for action in statement["Action"] if not action.startswith("sqs:") or "*" in action]
        if loose:
            yield f"{name}: it allows {loose}"


def the_worker_renews_messages_and_leaves_dead_ones_alone(plan: Plan) -> Iterator[str]:
    may = {statement["Resource"]: statement["Action"] for name, statement in statements(plan) if name == "worker"}
    if "sqs:SendMessage" not in may.get(plan.output("queue_arn"), ()):
        yield "worker: it cannot send the copies of messages whose receives run out"
    on_dlq = may.get(plan.output("dlq_arn"))
    if on_dlq != ["sqs:GetQueueAttributes"]:
        yield f"worker: on the DLQ it may {on_dlq}"


def services_have_their_own_roles(plan: Plan) -> Iterator[str]:
    roles, tasks = plan.all("aws_iam_role"), plan.all("aws_ecs_task_definition")
    attached = plan.all("aws_iam_role_policy_attachment")
    policies = plan.all("aws_iam_policy")
    for service, name in ROLES.items():
        role = roles[f'service["{name}"]']
        if tasks[f'service["{service}"]']["task_role_arn"] != role["arn"]:
            yield f"{service}: its role is not that of the {name}"
        given = {each["policy_arn"] for each in attached.values() if each["role"] == role["name"]}
        if given != {policies[f'queues["{name}"]']["arn"]}:
            yield f"{name}: its policies are {given}"


def the_database_is_private(plan: Plan) -> Iterator[str]:
    for name, database in plan.all("aws_db_instance").items():
        if database["publicly_accessible"] is not False:
            yield f"{name}: it has an address on the internet"


def statements(plan: Plan) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each role's policy on the queues says, by the role."""
    for address, policy in plan.all("aws_iam_policy").items():
        for statement in json.loads(policy["policy"])["Statement"]:
            yield address.split('"')[1], statement


CHECKS: Final[tuple[Check, ...]] = (
    queues_have_the_numbers_of_the_code,
    messages_stay_hidden_for_longer_than_a_task_may_run,
    an_order_that_no_worker_renews_is_alarmed_of,
    dead_messages_go_to_the_dlq,
    queues_are_encrypted_and_closed_without_tls,
    roles_may_only_what_is_listed_on_our_queues,
    the_worker_renews_messages_and_leaves_dead_ones_alone,
    services_have_their_own_roles,
    the_database_is_private,
    variables_are_read,
    environments_load,
    health_is_asked_where_it_is_told,
    stops_leave_time_to_drain,
    pools_have_their_connections,
)
