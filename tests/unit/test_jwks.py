"""Bearer tokens signed with keys that an identity provider publishes over HTTP."""

import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from app.tokens import JWKS_KEPT, InvalidToken, KeysUnavailable, ProvidersKeys, Verifier
from tests.unit.jwts import KeyServer, hand_signed

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())

KEYS = [
    json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())) | {"kid": "rsa", "use": "sig"},
    json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())) | {"kid": "ec", "use": "sig"},
]


@pytest.fixture
def provider():
    server = KeyServer()
    server.publish(*KEYS)
    yield server
    server.stop()


@pytest.fixture
def verifier(provider):
    return Verifier(secret=None, jwks_url=provider.url, audience=None, issuer=None)


def a_token(key=RSA_KEY, algorithm="RS256", kid="rsa", **claims):
    expiry = datetime.now(UTC) + timedelta(minutes=5)
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode({"sub": "7", "exp": expiry} | claims, key, algorithm=algorithm, headers=headers)


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(RSA_KEY, "RS256", "rsa"), (EC_KEY, "ES256", "ec")])
def test_a_token_signed_with_a_published_key_is_accepted(verifier, key, algorithm, kid):
    assert verifier.identify(a_token(key, algorithm, kid)).user_id == 7


def test_the_keys_are_fetched_once_for_many_tokens(verifier, provider):
    for _ in range(3):
        verifier.identify(a_token())
    assert provider.asked == 1


@pytest.mark.parametrize(
    "token",
    [
        a_token(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        a_token(ec.generate_private_key(ec.SECP256R1()), "ES256", "ec"),
        a_token(kid="ec"),
        a_token(EC_KEY, "ES256", "rsa"),
        a_token(kid="unheard-of"),
        a_token(kid=None),
        a_token(algorithm="RS512"),
        a_token(algorithm="PS256"),
        a_token(exp=datetime.now(UTC) - timedelta(minutes=5)),
        a_token(sub="abc"),
        jwt.encode({"sub": "7", "exp": 32503680000}, None, algorithm="none", headers={"kid": "rsa"}),
        "no token",
    ],
    ids=[
        "another RSA key",
        "another EC key",
        "RS256 with the EC key's id",
        "ES256 with the RSA key's id",
        "an unknown key id",
        "no key id",
        "RS512",
        "PS256",
        "expired",
        "no user id",
        "unsigned",
        "no token",
    ],
)
def test_a_token_is_refused(verifier, token):
    with pytest.raises(InvalidToken):
        verifier.identify(token)


def test_a_secret_is_refused_where_keys_are_published(verifier):
    with pytest.raises(InvalidToken):
        verifier.identify(a_token("a-secret-as-long-as-a-sha-256-hash-is", "HS256"))


def test_a_published_key_is_not_taken_for_a_secret(verifier):
    # The classic confusion: HMAC with the public key's text, which everybody knows.
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(InvalidToken):
        verifier.identify(hand_signed({"sub": "7", "exp": 32503680000}, public, kid="rsa"))


def test_a_secret_among_the_published_keys_signs_nothing(verifier, provider):
    secret = "a-secret-that-should-not-be-published"
    published = {"kty": "oct", "kid": "oct", "alg": "HS256", "k": base64.urlsafe_b64encode(secret.encode()).decode()}
    provider.publish(*KEYS, published)
    with pytest.raises(InvalidToken):
        verifier.identify(a_token(secret, "HS256", "oct"))


def test_without_the_provider_no_token_can_be_judged(verifier, provider):
    provider.stop()
    with pytest.raises(KeysUnavailable):
        verifier.identify(a_token())


@pytest.fixture
def forgetful(provider):
    """A verifier that looks for new keys, and checks each token, every time."""
    made = Verifier(secret=None, jwks_url=provider.url, audience=None, issuer=None, remembered_for=0)
    made._keys.jwk_set_cache.lifespan = 0
    return made


@pytest.mark.parametrize("status", [None, 404, 500, 200])
def test_the_keys_of_a_provider_that_is_gone_are_used_on(forgetful, provider, status):
    forgetful.identify(a_token())
    provider.status, provider.body = status, b"<html>sorry</html>"
    assert forgetful.identify(a_token()).user_id == 7
    with pytest.raises(KeysUnavailable):
        forgetful.identify(a_token(kid="new"))
    provider.status = 200
    provider.publish(*KEYS)
    with pytest.raises(InvalidToken):
        forgetful.identify(a_token(kid="new"))


def test_a_provider_that_takes_a_request_and_says_nothing_is_waited_for_until_the_time_is_up(provider):
    keys = ProvidersKeys(provider.url, timeout=0.2)
    known = keys.fetch_data()
    provider.answers.clear()
    assert keys.fetch_data() == known
    assert "timed out" in str(keys.error)


def test_keys_are_not_used_for_more_than_a_day_without_their_provider(forgetful, provider):
    forgetful.identify(a_token())
    provider.status = 500
    forgetful._keys._fetched_at -= JWKS_KEPT + 1
    with pytest.raises(KeysUnavailable):
        forgetful.identify(a_token())


def test_what_is_no_token_is_refused_without_asking_the_provider(verifier, provider):
    with pytest.raises(InvalidToken):
        verifier.identify("no token")
    assert provider.asked == 0


@pytest.mark.parametrize("status", [None, 302, 401, 404, 500, 503])
def test_a_provider_that_does_not_answer_properly_is_unavailable(verifier, provider, status):
    provider.status = status
    with pytest.raises(KeysUnavailable):
        verifier.identify(a_token())


def test_a_provider_that_breaks_the_connection_off_is_unavailable(verifier, provider):
    provider.status, provider.resets = None, True
    with pytest.raises(KeysUnavailable):
        verifier.identify(a_token())
    assert provider.asked


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[]", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "?"}]}'])
def test_a_provider_that_tells_no_keys_is_unavailable(verifier, provider, body):
    provider.body = body
    with pytest.raises(KeysUnavailable):
        verifier.identify(a_token())


def test_a_provider_that_is_back_is_asked_again(verifier, provider):
    provider.status = 503
    with pytest.raises(KeysUnavailable):
        verifier.identify(a_token())
    provider.status = 200
    assert verifier.identify(a_token()).user_id == 7
