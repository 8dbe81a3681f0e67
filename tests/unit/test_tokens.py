"""Bearer tokens signed with the shared secret."""

import time
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from app.tokens import LEEWAY, REMEMBERED, Identified, InvalidToken, Verifier, issue
from orders.fields import MAX_USER_ID
from tests.conftest import make_settings
from tests.unit.jwts import hand_signed

SECRET = "the-shared-secret-of-these-token-tests"
OTHER_SECRET = "the-shared-secret-of-somebody-else-here"
FOREVER = 32503680000  # the year 3000

verifier = Verifier(secret=SECRET, jwks_url=None, audience=None, issuer=None)
strict_verifier = Verifier(secret=SECRET, jwks_url=None, audience="orders", issuer="https://id.example")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
    max_leaves=5,
)


def a_token(*, secret=SECRET, **claims):
    """A token that is fine, but for the claims that are given; None leaves one out."""
    given_claims = {"sub": "7", "exp": FOREVER, "scope": "orders:read"} | claims
    kept = {name: value for name, value in given_claims.items() if value is not None}
    return hand_signed(kept, secret.encode())


def refusal(token, by=verifier):
    with pytest.raises(InvalidToken) as refused:
        by.identify(token)
    return str(refused.value)


def test_a_token_says_who_asks_and_what_they_may_do():
    token = issue(SECRET, 7, ["orders:read", "orders:write"], timedelta(minutes=5))
    assert verifier.identify(token) == Identified(7, frozenset({"orders:read", "orders:write"}))


def test_the_settings_say_how_tokens_are_checked():
    settings = make_settings(jwt_secret=SECRET, jwt_audience="orders", jwt_issuer="https://id.example")
    good = a_token(aud="orders", iss="https://id.example")
    assert Verifier.of(settings).identify(good).user_id == 7
    assert refusal(a_token(), by=Verifier.of(settings))


def test_a_token_without_scope_may_do_nothing():
    assert verifier.identify(a_token(scope=None)) == Identified(7, frozenset())


@pytest.mark.parametrize("scope", [["orders:read"], 1, {"orders:read": True}])
def test_a_scope_that_is_no_text_is_refused(scope):
    assert "scope" in refusal(a_token(scope=scope))


def test_a_token_that_has_expired_is_refused():
    assert "expired" in refusal(a_token(exp=int(time.time()) - 60))


def test_two_clocks_may_differ_by_some_seconds():
    assert verifier.identify(a_token(exp=int(time.time()) - 5)).user_id == 7


def test_a_token_that_was_good_a_moment_ago_is_refused_once_it_has_expired():
    token = a_token(exp=time.time() - LEEWAY + 1)
    assert verifier.identify(token).user_id == 7
    time.sleep(1.2)
    assert "expired" in refusal(token)


class CountingVerifier(Verifier):
    checks = 0

    def _checked(self, token):
        self.checks += 1
        return super()._checked(token)


def test_a_good_token_is_checked_once_in_a_while():
    counting = CountingVerifier(secret=SECRET, jwks_url=None, audience=None, issuer=None, remembered_for=0.2)
    token = a_token()
    for _ in range(3):
        counting.identify(token)
    assert counting.checks == 1
    time.sleep(0.3)
    counting.identify(token)
    assert counting.checks == 2


def test_a_bad_token_is_checked_each_time():
    counting = CountingVerifier(secret=SECRET, jwks_url=None, audience=None, issuer=None)
    for _ in range(2):
        refusal(a_token(secret=OTHER_SECRET), by=counting)
    assert counting.checks == 2


def test_more_tokens_than_are_remembered_do_no_harm():
    counting = CountingVerifier(secret=SECRET, jwks_url=None, audience=None, issuer=None)
    tokens = [a_token(jti=str(number)) for number in range(REMEMBERED + 1)]
    assert {counting.identify(token).user_id for token in tokens} == {7}
    assert len(counting._remembered) <= REMEMBERED


def test_a_token_that_never_expires_is_refused():
    assert "exp" in refusal(a_token(exp=None))


def test_a_token_that_is_not_valid_yet_is_refused():
    assert refusal(a_token(nbf=FOREVER))


@pytest.mark.parametrize("expiry", ["never", True, [], {}, -1, float("inf"), "9" * 5000])
def test_an_expiry_that_is_no_future_instant_is_refused(expiry):
    assert refusal(a_token(exp=expiry))


def test_a_token_signed_with_another_secret_is_refused():
    assert "Signature" in refusal(a_token(secret=OTHER_SECRET))


def test_a_token_changed_after_signing_is_refused():
    header, _, signature = a_token(sub="7").split(".")
    _, claims, _ = a_token(sub="8").split(".")
    assert "Signature" in refusal(f"{header}.{claims}.{signature}")


@pytest.mark.parametrize("algorithm", ["none", "None", "HS384", "RS256", "ES256", "", None, 1])
def test_a_token_cannot_choose_its_algorithm(algorithm):
    assert refusal(hand_signed({"sub": "7", "exp": FOREVER}, SECRET.encode(), algorithm=algorithm))


def test_an_unsigned_token_is_refused():
    assert refusal(jwt.encode({"sub": "7", "exp": FOREVER}, key=None, algorithm="none"))


def test_a_token_signed_with_somebodys_own_private_key_is_refused():
    token = jwt.encode({"sub": "7", "exp": FOREVER}, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256")
    assert refusal(token)


@pytest.mark.parametrize("subject", ["1", "42", str(MAX_USER_ID)])
def test_a_subject_is_a_numeric_user_id(subject):
    assert verifier.identify(a_token(sub=subject)).user_id == int(subject)


@pytest.mark.parametrize(
    "subject",
    [
        None,
        "",
        "abc",
        "0",
        "-1",
        "+1",
        "007",
        "1.0",
        "1e3",
        " 1",
        "1\n",
        "1_000",
        "１２",  # noqa: RUF001 - full-width digits
        "٣",  # an Arabic digit
        str(MAX_USER_ID + 1),
        pytest.param("9" * 5000, id="5000 nines"),
        12,
        1.0,
        True,
        [],
        {},
    ],
)
def test_a_subject_that_is_no_user_id_is_refused(subject):
    assert refusal(a_token(sub=subject))


def test_audience_and_issuer_count_when_they_are_configured():
    good = {"aud": "orders", "iss": "https://id.example"}
    assert strict_verifier.identify(a_token(**good)).user_id == 7
    assert strict_verifier.identify(a_token(**good | {"aud": ["others", "orders"]})).user_id == 7


@pytest.mark.parametrize("wrong", [{"aud": "others"}, {"aud": None}, {"iss": "https://evil.example"}, {"iss": None}])
def test_another_audience_or_issuer_is_refused(wrong):
    assert refusal(a_token(**{"aud": "orders", "iss": "https://id.example"} | wrong), by=strict_verifier)


def test_an_audience_that_nobody_asked_for_does_no_harm():
    assert verifier.identify(a_token(aud="anybody", iss="anywhere")).user_id == 7


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "..", "e30.e30.e30"])
def test_what_is_no_token_is_refused(token):
    assert refusal(token)


@pytest.mark.parametrize("verify", [verifier, strict_verifier], ids=["lenient", "strict"])
@given(claims=st.dictionaries(st.sampled_from(["sub", "exp", "nbf", "iat", "aud", "iss", "jti", "scope"]), json_values))
def test_any_signed_claims_identify_a_user_or_are_refused(verify, claims):
    token = hand_signed({"sub": "7", "exp": FOREVER} | claims, SECRET.encode())
    try:
        assert verify.identify(token).user_id > 0
    except InvalidToken:
        return  # any other exception fails the test


@given(st.text() | st.lists(st.text("abcdefghijklmnopqrstuvwxyzAEIOU019-_="), max_size=4).map(".".join))
def test_any_text_is_refused(text):
    assert refusal(text)
