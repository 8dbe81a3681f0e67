"""What is good enough for development is refused in production, by name."""

import re

import pytest

from config.settings import load
from tests.processes import ROOT
from tests.unit.test_settings import PRODUCTION, error_of, without

RANDOM = "5f9c1b0e7a3d4826"
KEYS = "https://id.example/keys"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", "development-only-jwt-secret-not-for-production"),
        ("ORDER_ID_SECRET", "development-only-jwt-secret-not-for-production"),
        ("OPERATORS", "ada:development-only-password"),
        ("JWT_SECRET", "a" * 32),
        ("ORDER_ID_SECRET", "abcabcab" * 4),
        ("OPERATORS", "ada:aaaaaaaaaaaa"),
        ("OPERATORS", f"ada:{RANDOM},bob:{RANDOM}"),
        ("OPERATORS", f"ada:{PRODUCTION['JWT_SECRET']}"),
        ("ORDER_ID_SECRET", PRODUCTION["JWT_SECRET"]),
    ],
)
def test_a_published_weak_or_shared_secret_is_refused_in_production_by_name(environ, name, value):
    text = str(error_of(environ, **PRODUCTION | {name: value}))
    assert name in text
    assert "\n" not in text
    assert value.rpartition(":")[2] not in text


def test_every_secret_in_the_example_of_the_settings_is_refused_in_production(environ):
    example = (ROOT / ".env.example").read_text()
    published = re.findall(r"^#(JWT_SECRET|ORDER_ID_SECRET|OPERATORS)=(.+)$", example, re.MULTILINE)
    assert len(published) == 3
    for name, value in published:
        assert name in str(error_of(environ, **PRODUCTION | {name: value}))


@pytest.mark.parametrize(
    ("named", "values"),
    [
        ("JWT_JWKS_URL", {"JWT_JWKS_URL": "http://id.example/keys", "JWT_AUDIENCE": "orders"}),
        ("JWT_AUDIENCE", {"JWT_JWKS_URL": KEYS}),
        ("JWT_AUDIENCE", {"JWT_JWKS_URL": KEYS, "JWT_AUDIENCE": ""}),
    ],
)
def test_keys_without_https_or_an_audience_are_refused_in_production_alone(environ, named, values):
    assert named in str(error_of(environ, **without("JWT_SECRET"), **values))
    environ(APP_ENV="development", **values)
    assert load().jwt_jwks_url == values["JWT_JWKS_URL"]
