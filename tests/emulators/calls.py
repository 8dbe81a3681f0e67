"""The calls that these tests make, by boto3's client."""

import uuid


def send(queues, body="{}", group=None, duplicate_of=None, delay=None, **more):
    """Send as the framework does, in a batch; returns SQS's answer to the entry."""
    given = {"MessageGroupId": group, "MessageDeduplicationId": duplicate_of, "DelaySeconds": delay} | more
    entry = {"Id": "0", "MessageBody": body} | {name: value for name, value in given.items() if value is not None}
    [done] = queues.sqs.send_message_batch(QueueUrl=queues.url, Entries=[entry])["Successful"]
    return done


def send_in_order(queues, *bodies):
    for body in bodies:
        send(queues, body, group=body[0], duplicate_of=uuid.uuid4().hex)


def receive(queues, count=1, **more):
    given = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"], "WaitTimeSeconds": 0} | more
    return queues.sqs.receive_message(QueueUrl=queues.url, MaxNumberOfMessages=count, **given).get("Messages", [])


def settle(queues, message, seconds=None):
    if seconds is None:
        queues.sqs.delete_message(QueueUrl=queues.url, ReceiptHandle=message["ReceiptHandle"])
    else:
        queues.sqs.change_message_visibility(
            QueueUrl=queues.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )


def numbers(queues):
    """How many messages are visible, in flight and delayed."""
    attributes = queues.sqs.get_queue_attributes(QueueUrl=queues.url, AttributeNames=["All"])["Attributes"]
    return tuple(int(attributes[f"ApproximateNumberOfMessages{name}"]) for name in ("", "NotVisible", "Delayed"))


def fresh_name(prefix="one"):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"
