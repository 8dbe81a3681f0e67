"""botocore's configuration, key by key: our client goes where boto3's goes, as whom, and trusts what it trusts."""

import socket

import boto3
import certifi
import pytest
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES as VARIABLES
from botocore.exceptions import BotoCoreError
from botocore.httpsession import get_cert_path
from urllib3.util import parse_url

from celery_sqs import system
from celery_sqs.aws.endpoint import Endpoint, region_of, sqs_client
from celery_sqs.errors import Misconfigured
from tests import certificate, metadata_service

QUEUE = "http://queue.example/000000000000/orders"
HERE = "eu-central-1"
KEYS = {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "a-secret"}
PROXY = "http://proxy.example:3128"
PROFILE = """
[profile shop]
region = eu-west-2
aws_access_key_id = key-of-the-profile
aws_secret_access_key = secret-of-the-profile
services = of-the-shop
[services of-the-shop]
sqs =
  endpoint_url = https://services.example
"""
OF_FILES = "[default]\naws_access_key_id = key-of-a-file\naws_secret_access_key = secret-of-a-file\n"

#: Each key that says where a call goes, how, or as whom, with environments that set it and a configuration file.
HONOURED = {
    "profile": [({"AWS_PROFILE": "shop"}, PROFILE), ({"AWS_DEFAULT_PROFILE": "shop"}, PROFILE)],
    "region": [
        (KEYS | {"AWS_DEFAULT_REGION": "ap-south-1"}, ""),
        (KEYS | {"AWS_DEFAULT_REGION": ""}, "region = us-west-2"),
    ],
    "config_file": [(KEYS, "endpoint_url = https://of-the-file.example")],
    "credentials_file": [({"AWS_SHARED_CREDENTIALS_FILE": "{credentials}"}, "")],
    "ca_bundle": [(KEYS | {"AWS_CA_BUNDLE": "{bundle}"}, ""), (KEYS, "ca_bundle = {bundle}")],
    "use_dualstack_endpoint": [
        (KEYS | {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, ""),
        (KEYS, "use_dualstack_endpoint = true"),
    ],
    "use_fips_endpoint": [
        (KEYS | {"AWS_USE_FIPS_ENDPOINT": "true"}, ""),
        (KEYS | {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "use_fips_endpoint = true"),
    ],
    "ignore_configured_endpoint_urls": [
        (KEYS | {"AWS_ENDPOINT_URL": "https://all.example", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, ""),
    ],
    "user_agent_appid": [(KEYS | {"AWS_SDK_UA_APP_ID": "shop"}, ""), (KEYS, "sdk_ua_app_id = shop")],
    "tcp_keepalive": [(KEYS, "tcp_keepalive = true"), (KEYS | {"BOTOCORE_TCP_KEEPALIVE": "true"}, "")],
    "ec2_metadata_service_endpoint": [({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "{metadata}"}, "")],
}

#: What botocore reads beside its variables.
BESIDE = [
    (KEYS, ""),
    (KEYS | {"AWS_ENDPOINT_URL": "https://all.example"}, ""),
    (KEYS | {"AWS_ENDPOINT_URL": "https://all.example", "AWS_ENDPOINT_URL_SQS": "https://sqs.example:8443/p"}, ""),
    (KEYS | {"REQUESTS_CA_BUNDLE": "{bundle}"}, ""),
    (KEYS | {"REQUESTS_CA_BUNDLE": "{bundle}", "AWS_CA_BUNDLE": "{other}"}, ""),
    (KEYS | {"HTTPS_PROXY": PROXY, "HTTP_PROXY": "http://other.example"}, ""),
    (KEYS | {"https_proxy": "http://user:secret@proxy.example:3128"}, ""),
    (KEYS | {"HTTPS_PROXY": PROXY, "NO_PROXY": "amazonaws.com"}, ""),
    (KEYS | {"HTTP_PROXY": PROXY, "AWS_ENDPOINT_URL_SQS": "http://sqs.example"}, ""),
    ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{metadata}/of-the-container"}, ""),
    ({}, "credential_process = {process}"),
]

_CHAIN = "credentials are found by botocore's own session"
_RETRIES = "who calls tries again itself, within time limits of its own"
_MODELS = "boto3's client, which says where the endpoint is, reads it"
_NOT_OF_SQS = "no operation of SQS has it"
_CONFIG = "nobody gives us a botocore Config"

#: Each key that makes no difference to our calls, and why.
REASONS = {
    "metadata_service_timeout": _CHAIN,
    "metadata_service_num_attempts": _CHAIN,
    "ec2_metadata_service_endpoint_mode": _CHAIN,
    "ec2_metadata_v1_disabled": _CHAIN,
    "imds_use_ipv6": _CHAIN,
    "sts_regional_endpoints": _CHAIN,
    "data_path": _MODELS,
    "api_versions": "SQS has one, and its models say so",
    "parameter_validation": "SQS validates what we send, and wire what others give us",
    "csm_enabled": "client-side monitoring is replaced by sqs_calls_total",
    "csm_host": "see csm_enabled",
    "csm_port": "see csm_enabled",
    "csm_client_id": "see csm_enabled",
    "endpoint_discovery_enabled": _NOT_OF_SQS,
    "retry_mode": _RETRIES,
    "max_attempts": _RETRIES,
    "defaults_mode": "its time limits and retries are ours; its endpoints are STS's and S3's",
    "request_min_compression_size_bytes": _NOT_OF_SQS,
    "disable_request_compression": _NOT_OF_SQS,
    "request_checksum_calculation": _NOT_OF_SQS,
    "response_checksum_validation": _NOT_OF_SQS,
    "sigv4a_signing_region_set": "SQS takes Signature Version 4 alone",
    "auth_scheme_preference": "SQS takes Signature Version 4 alone",
    "account_id_endpoint_mode": "SQS has no endpoint of an account",
    "disable_host_prefix_injection": _NOT_OF_SQS,
    "s3_disable_express_session_auth": "it is S3's",
}

#: The options of a `Config` that are no variables.
OF_CONFIG = dict.fromkeys(
    (
        *("region_name", "signature_version", "user_agent", "user_agent_extra", "connect_timeout", "read_timeout"),
        *("max_pool_connections", "proxies", "proxies_config", "s3", "retries", "client_cert", "inject_host_prefix"),
        "client_context_params",
    ),
    _CONFIG,
)

CASES = [(key, *case) for key, cases in HONOURED.items() for case in cases] + [("", *case) for case in BESIDE]


#: What there is without any of it.
PLAIN = {
    "url": f"https://sqs.{HERE}.amazonaws.com",
    "region": HERE,
    "proxy": None,
    "trusted": get_cert_path(True),
    "socket options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    "access key": ("a-key", None),
    "app": None,
}


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    return certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def configured(monkeypatch, tmp_path, issued):
    """A function that makes an environment, as of a process that has just begun."""
    service = metadata_service.serving()
    places = {"bundle": issued.file, "other": certifi.where(), "credentials": tmp_path / "keys"}
    places["process"] = tmp_path / "process"
    places["process"].write_text(
        '#!/bin/sh\necho \'{"Version": 1, "AccessKeyId": "of-a-process", "SecretAccessKey": "s"}\'\n'
    )
    places["process"].chmod(0o700)
    places["credentials"].write_text(OF_FILES)

    def configure(environment, file):
        for name in list(VARIABLES.values()):
            for variable in [name[1]] if isinstance(name[1], str) else name[1] or []:
                monkeypatch.delenv(variable, raising=False)
        for name in (*KEYS, "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"):
            monkeypatch.delenv(name, raising=False)
        for name in ("http_proxy", "https_proxy", "no_proxy", "requests_ca_bundle"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        config = tmp_path / "config"
        config.write_text(f"[default]\n{file}\n".format(**places))
        given = {"HOME": str(tmp_path), "AWS_CONFIG_FILE": str(config), "AWS_DEFAULT_REGION": HERE, **environment}
        if environment.keys() & {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}:
            del given["AWS_DEFAULT_REGION"]
        for name, value in given.items():
            if value:
                monkeypatch.setenv(name, value.format(**places))
        monkeypatch.setattr(system, "pid", object())

    with service as metadata:
        metadata.has_credentials = True
        places["metadata"] = metadata.url
        yield configure


def ours():
    client = sqs_client(Endpoint(region_of(QUEUE)))
    pool, keys = client._pool, client._target.credentials()
    return {
        "url": client._url.rstrip("/"),
        "region": client._target.region,
        "proxy": pool.proxy and pool.proxy.url,
        "trusted": getattr(pool, "ca_certs", None),
        "socket options": pool.conn_kw["socket_options"],
        "access key": (keys.access_key, keys.token),
        "app": _app(client._headers["User-Agent"]),
    }


def theirs():
    client = boto3.session.Session().client("sqs")
    url, session = client.meta.endpoint_url, client._endpoint.http_session
    proxy = session._proxy_config.proxy_url_for(url)
    keys = client._request_signer._credentials.get_frozen_credentials()
    return {
        "url": url.rstrip("/"),
        "region": client.meta.region_name,
        "proxy": proxy and parse_url(proxy).url,
        "trusted": get_cert_path(session._verify) if url.startswith("https") else None,
        "socket options": session._socket_options,
        "access key": (keys.access_key, keys.token),
        "app": client.meta.config.user_agent_appid,
    }


def _app(user_agent):
    return next((part.removeprefix("app/") for part in user_agent.split() if part.startswith("app/")), None)


@pytest.mark.parametrize(("key", "environment", "file"), CASES, ids=repr)
def test_our_client_is_as_boto3s(configured, key, environment, file):
    configured(environment, file)
    found = ours()
    assert found == theirs()
    # Without that key, AWS_ENDPOINT_URL would make the difference.
    assert key in {"", "ignore_configured_endpoint_urls"} or found != PLAIN


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ({"AWS_PROFILE": "nobody"}, ""),
        (KEYS | {"AWS_CA_BUNDLE": " "}, ""),
        (KEYS, "services = nobody"),
    ],
    ids=repr,
)
def test_what_boto3_makes_no_client_of_is_one_line_that_says_so(configured, environment, file):
    configured(environment, file)
    with pytest.raises(BotoCoreError):
        theirs()
    with pytest.raises(Misconfigured, match=r"^boto3's configuration: ") as refused:
        ours()
    assert "\n" not in str(refused.value)


def test_each_key_of_botocore_is_honoured_or_has_a_reason_why_it_does_not_matter():
    assert not HONOURED.keys() & REASONS.keys()
    assert HONOURED.keys() | REASONS.keys() == VARIABLES.keys(), "list the new key, with a case or a reason"
    assert Config.OPTION_DEFAULTS.keys() - VARIABLES.keys() == OF_CONFIG.keys()
