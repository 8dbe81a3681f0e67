"""Start the shop and its operators' pages: `python up.py`; Ctrl-C stops it.

SQS is an emulator here, whose queues end with it. On AWS there is none, and Terraform makes the queues.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError
from honcho.environ import parse_procfile
from honcho.manager import Manager

import outbox
from celery_sqs import Endpoint, boto3_client
from celery_sqs.testing import provision
from shop import SQS

HERE: Final = Path(__file__).parent
START_TIMEOUT: Final = 30.0  # seconds
RECEIVE_WAIT: Final = 2  # seconds; on AWS 20. A worker ends after its last poll, and honcho gives it 5 s
PAUSE: Final = 0.2  # seconds between two questions whether the emulator is there


def main() -> None:
    """Run everything until Ctrl-C, or until one of the processes ends."""
    os.chdir(HERE)
    emulator = start_emulator()
    try:
        make_queues(emulator)
        outbox.create()
        subprocess.run(["celery", "-A", "shop", "sqs", "monitor", "upgrade"], check=True)
        manager = Manager()
        for name, command in parse_procfile(Path("Procfile").read_text()).processes.items():
            manager.add_process(name, command)
        manager.loop()
    finally:
        emulator.kill()
    sys.exit(manager.returncode)


def start_emulator() -> "subprocess.Popen[bytes]":
    """Start ministack with SQS alone, on loopback; in a group of its own, so that Ctrl-C ends the worker first."""
    where = {"GATEWAY_PORT": str(urlsplit(SQS).port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1"}
    what = {"SERVICES": "sqs", "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "WARNING"}
    return subprocess.Popen(
        [sys.executable, "-m", "ministack"], env={**os.environ, **where, **what}, start_new_session=True
    )


def make_queues(emulator: "subprocess.Popen[bytes]") -> None:
    """Make both queues and their DLQs, as soon as the emulator answers."""
    client = boto3_client(Endpoint("us-east-1", SQS, ("test", "test")))
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            for name in ("mail", "reports"):
                provision(client, queue=name, dlq=f"{name}-dlq", receive_wait=RECEIVE_WAIT)
        except BotoCoreError:
            if emulator.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
        else:
            return


if __name__ == "__main__":
    main()
