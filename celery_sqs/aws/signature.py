"""The signature of a call to SQS, by AWS's Signature Version 4: what botocore's signer gives, for a tenth of the CPU.

That signs any request. Here each is a POST to one URL, with the same few headers, and keys are the same for a day.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from datetime import UTC
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from botocore.credentials import ReadOnlyCredentials
from botocore.utils import normalize_url_path

from celery_sqs import system

CONTENT_TYPE: Final = "application/x-amz-json-1.0"

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SERVICE: Final = "sqs"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_END: Final = "aws4_request"
_NO_HEADER: Final = re.compile(r"[\x00\r\n]|[^\x00-\xff]")  # http.client's error would quote the value


class Signer:
    """Signs calls to one endpoint.

    Args:
        url: what each call is posted to.
        region: the AWS region.
    """

    def __init__(self, url: str, region: str) -> None:
        parts = urlsplit(url)
        path = quote(normalize_url_path(parts.path), safe="/~")
        self._begin = f"POST\n{path}\n\ncontent-type:{CONTENT_TYPE}\nhost:{_host(parts)}\n"
        self._region = region
        self._last: tuple[str | None, str, bytes] = ("", "", b"")  # secret, day, and the key that is made of them

    def headers(self, credentials: ReadOnlyCredentials, action: str, body: bytes) -> dict[str, str]:
        """The headers of a call, its signature among them.

        Args:
            credentials: of whom it is signed by.
            action: with the prefix of the protocol, such as `AmazonSQS.ReceiveMessage`.
            body: of the request.

        Raises:
            ValueError: the credentials have a character that no header takes; the text does not quote them.
        """
        for what, text in (("access key", credentials.access_key), ("session token", credentials.token)):
            if text and _NO_HEADER.search(text):
                raise ValueError(f"the {what} of AWS has a character that no header takes, such as a line break")
        instant = system.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        signed = {"X-Amz-Date": instant}
        if credentials.token:
            signed["X-Amz-Security-Token"] = credentials.token
        signed["X-Amz-Target"] = action
        names = ";".join(["content-type", "host", *map(str.lower, signed)])
        # As servers read them: a token may have spaces around it.
        lines = "".join(f"{name.lower()}:{' '.join(value.split())}\n" for name, value in signed.items())
        request = f"{self._begin}{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        where = f"{instant[:8]}/{self._region}/{_SERVICE}/{_END}"
        text = f"{_ALGORITHM}\n{instant}\n{where}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._key(credentials.secret_key, instant[:8]), text.encode(), hashlib.sha256).hex()
        given = f"Credential={credentials.access_key}/{where}, SignedHeaders={names}, Signature={signature}"
        return {"Content-Type": CONTENT_TYPE, **signed, "Authorization": f"{_ALGORITHM} {given}"}

    def _key(self, secret: str | None, day: str) -> bytes:
        last_secret, last_day, key = self._last
        if (last_secret, last_day) != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, _SERVICE, _END):
                key = hmac.digest(key, part.encode(), hashlib.sha256)
            self._last = secret, day, key
        return key


def _host(parts: SplitResult) -> str:
    """The header `Host` that a client sends: without user and default port."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"
