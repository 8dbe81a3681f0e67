"""A simulated SQS in memory, as AWS documents it: a state machine without threads, without I/O and without a clock."""

from tests.simulation.sqs.faults import NO_FAULTS, Faults
from tests.simulation.sqs.refusal import NoAnswer, Refused
from tests.simulation.sqs.service import SimulatedSQS

__all__ = ["NO_FAULTS", "Faults", "NoAnswer", "Refused", "SimulatedSQS"]
