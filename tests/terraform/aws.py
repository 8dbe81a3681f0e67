"""As much of AWS as the core of terraform/ needs, on this machine: TLS, roles and policies that are enforced.

SQS, IAM, STS, SNS, KMS and Secrets Manager are ministack's. CloudWatch is moto's: ministack's answers leave out
attributes of an alarm, so a plan after the apply would not be empty.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from tests import certificate
from tests.polling import poll
from tests.processes import ROOT, Process, free_port, listens

VENV: Final = ROOT / ".venv-terraform"

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"

#: ministack takes this pair for the account's root user. To moto it is nobody's, which is enough.
ROOT_KEYS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def installed() -> bool:
    """Whether the emulators' virtual environment is complete."""
    return (VENV / "installed").exists()


class Aws:
    """Both emulators, loopback only.

    Args:
        folder: for their state, logs and the certificate.

    Attributes:
        url: ministack's address. It answers everything but CloudWatch.
        certificate: its server certificate, which whoever calls it has to trust.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = certificate.make(folder)
        self._port, cloudwatch_port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        self._cloudwatch_url = f"http://127.0.0.1:{cloudwatch_port}"
        command = [VENV / "bin" / "moto_server", "-H", "127.0.0.1", "-p", str(cloudwatch_port)]
        self._cloudwatch = Process(command, folder / "moto.log", {})
        self._rest = self._start_rest(tls=True)
        poll(lambda: _listens(self._cloudwatch, cloudwatch_port), 30, "moto listens")

    def stop(self) -> None:
        """End both."""
        self._rest.kill()
        self._cloudwatch.kill()

    @contextlib.contextmanager
    def without_tls(self) -> Iterator[str]:
        """Let ministack answer plain HTTP alone for the length of a block, with all that it holds; gives its URL."""
        self._rest.stop()
        self._rest = self._start_rest(tls=False)
        try:
            yield self.url.replace("https:", "http:")
        finally:
            self._rest.stop()
            self._rest = self._start_rest(tls=True)

    def _start_rest(self, *, tls: bool) -> Process:
        environment = {
            "AUTH": "true",
            "USE_SSL": "1" if tls else "0",
            "MINISTACK_SSL_CERT": str(self.certificate.file),
            "MINISTACK_SSL_KEY": str(self.certificate.key_file),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._folder / "state"),
            "LOG_LEVEL": "WARNING",
            "SERVICES": "iam,kms,secretsmanager,sns,sqs,sts",
            # BIND_HOST does not hold for these two: they would listen on every interface.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }
        server = Process([VENV / "bin" / "ministack"], self._folder / "ministack.log", environment)
        poll(lambda: _listens(server, self._port), 30, "ministack listens")
        return server

    def variables(self, keys: Mapping[str, str] = ROOT_KEYS) -> dict[str, str]:
        """The environment of a program that is to use this AWS, as the holder of some keys."""
        return {
            "AWS_REGION": REGION,
            "AWS_CA_BUNDLE": str(self.certificate.file),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_CLOUDWATCH": self._cloudwatch_url,
            **keys,
        }

    def client(self, service: str, keys: Mapping[str, str] = ROOT_KEYS, url: str | None = None) -> Any:
        """A client as AWS's own tools would make it, not one of ours."""
        session = boto3.session.Session(
            keys["AWS_ACCESS_KEY_ID"],
            keys["AWS_SECRET_ACCESS_KEY"],
            keys.get("AWS_SESSION_TOKEN"),
            region_name=REGION,
        )
        once = Config(retries={"total_max_attempts": 1, "mode": "standard"})
        return session.client(service, endpoint_url=url or self.url, verify=str(self.certificate.file), config=once)

    def assume(self, role_arn: str, keys: Mapping[str, str]) -> dict[str, str]:
        """The keys of a role, for the holder of others, as environment variables."""
        answer = self.client("sts", keys).assume_role(RoleArn=role_arn, RoleSessionName="test")
        given = answer["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }


def _listens(server: Process, port: int) -> bool:
    assert server.returncode is None, server.output
    return listens(port)
