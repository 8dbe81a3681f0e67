"""The kombu transport: `broker_transport = "celery_sqs.consume.transport:Transport"`, which `celery_sqs.setup` sets."""

from kombu.transport import SQS, virtual

from celery_sqs.consume.channel import Channel


class Transport(SQS.Transport):
    """kombu's SQS transport with our channel."""

    Channel = Channel

    #: Ours raises nothing that reconnecting would fix, so a failed call never restarts the consumer.
    connection_errors = virtual.Transport.connection_errors
    channel_errors = virtual.Transport.channel_errors
