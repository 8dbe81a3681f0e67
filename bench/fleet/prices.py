"""List prices of us-east-1 in USD, as docs/deploying.md has them, and what a month of a fleet costs."""

from typing import Final

HOURS: Final = 730  # of a month
SECONDS: Final = HOURS * 3600

#: Of a million requests to a standard queue, and up to how many requests a month: https://aws.amazon.com/sqs/pricing/
SQS_TIERS: Final = ((100e9, 0.40), (200e9, 0.30), (float("inf"), 0.24))

#: Of a Fargate task for an hour, Linux on x86: https://aws.amazon.com/fargate/pricing/
VCPU_HOUR: Final = 0.04048
GB_HOUR: Final = 0.004445

#: Of an hour of a vCPU of db.r6g, MariaDB, with a standby: twice the half of db.r6g.large's 0.215:
#: https://aws.amazon.com/rds/mariadb/pricing/
DATABASE_VCPU_HOUR: Final = 0.215

#: vCPUs of the instances of db.r6g, which have 8 GiB for each.
DATABASE_SIZES: Final = (2, 4, 8, 16, 32, 48, 64)

#: Connections that RDS allows by default, for each vCPU: {DBInstanceClassMemory/12582880}:
#: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
CONNECTIONS_PER_VCPU: Final = 8 * 2**30 / 12_582_880

#: Of a GB of gp3 for a month, with a standby: https://aws.amazon.com/rds/mariadb/pricing/
STORAGE: Final = 0.23

#: GiB of gp3 of a MariaDB at the most: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html
MAX_STORAGE: Final = 65_536

#: Bytes of an order's row, measured: 42 MB for 100,000. docs/deploying.md, "A million orders".
ROW_BYTES: Final = 420

#: USD for a million orders besides SQS: logs 0.32, NAT gateway 0.14, load balancer 0.01. docs/deploying.md, there.
LOGS: Final = 0.32
NETWORK: Final = 0.14 + 0.01

_MILLION: Final = 1e6


def sqs(requests: float) -> float:
    """A month of so many requests a second."""
    left, below, dollars = requests * SECONDS, 0.0, 0.0
    for bound, price in SQS_TIERS:
        part = min(left, bound - below)
        dollars += part / _MILLION * price
        left, below = left - part, bound
    return dollars


def tasks(count: int, vcpus: float, memory: float) -> float:
    """A month of Fargate tasks.

    Args:
        count: of tasks.
        vcpus: of each.
        memory: GB of each.
    """
    return count * (vcpus * VCPU_HOUR + memory * GB_HOUR) * HOURS


def database(vcpus: int) -> float:
    """A month of a database with its standby, without storage."""
    return vcpus * DATABASE_VCPU_HOUR * HOURS


def logs(rate: float) -> float:
    """A month of logs at so many orders a second."""
    return rate * SECONDS / _MILLION * LOGS


def network(rate: float) -> float:
    """The same of the network."""
    return rate * SECONDS / _MILLION * NETWORK


def storage(rate: float) -> float:
    """A month's price of the rows that a month brings."""
    return rate * SECONDS * ROW_BYTES / 1e9 * STORAGE


def days_of_storage(rate: float) -> float:
    """Days after which the largest disk is full of orders."""
    return MAX_STORAGE * 2**30 / (rate * ROW_BYTES) / 86_400
