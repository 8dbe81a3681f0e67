"""What can go wrong between a caller and SQS, in words of this layer."""


class NotConfirmed(Exception):
    """SQS did not confirm a message in time.

    It may or may not be in the queue; sending it again is safe where the consumer is idempotent.
    """


class Unsendable(ValueError):
    """A message that SQS can never take: a character it refuses, or too long."""


class Undecodable(ValueError):
    """A received message that is no task call."""


class RealEndpoint(ValueError):
    """An endpoint that is not a development emulator."""
