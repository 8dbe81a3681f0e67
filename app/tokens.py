"""Bearer tokens: JWTs that say who asks, and what they may do.

Signed with one shared secret (HS256), or with keys that an identity provider publishes (RS256,
ES256). Which of the two is a setting, so a token cannot choose its own algorithm.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
import structlog

from config.settings import Settings
from orders.fields import MAX_USER_ID

JWKS_TIMEOUT: Final = 3  # seconds
JWKS_LIFETIME: Final = 300  # seconds that fetched keys are used before they are fetched again
JWKS_KEPT: Final = 86_400  # seconds that they are used while the provider does not answer
LEEWAY: Final = 10  # seconds that two clocks may differ

REMEMBERED_FOR: Final = 60  # seconds that a token's check is good for, if it does not expire before
REMEMBERED: Final = 1000  # tokens

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}")  # as long as MAX_USER_ID


logger = structlog.stdlib.get_logger(__name__)


class InvalidToken(Exception):
    """The token does not show who asks. The text says why, and may be shown to the client."""


class KeysUnavailable(Exception):
    """The identity provider's keys cannot be fetched, so no token can be checked now."""


@dataclass(frozen=True, slots=True)
class Identified:
    """Who asks."""

    user_id: int
    scopes: frozenset[str]


class ProvidersKeys(jwt.PyJWKClient):
    """The keys that an identity provider publishes. Those fetched last are used on while it does not answer.

    Attributes:
        error: why the last fetch has failed; None where it has not.
    """

    error: Exception | None = None
    _last: Any = None
    _fetched_at = 0.0

    def fetch_data(self) -> Any:
        """The provider's key set.

        Raises:
            jwt.PyJWTError: the provider does not answer properly, and has not for a day.
            ValueError: so it is, and its answer is no JSON.
        """
        try:
            self._last, self.error = super().fetch_data(), None
            self._fetched_at = time.monotonic()
        except (jwt.PyJWTError, ValueError, OSError) as error:
            self.error = error
            if self._last is None or time.monotonic() - self._fetched_at > JWKS_KEPT:
                raise
            logger.warning(
                "the identity provider's keys cannot be fetched: those fetched last are used", error=str(error)
            )
            if self.jwk_set_cache is not None:
                self.jwk_set_cache.put(self._last)
        return self._last


class Verifier:
    """Checks tokens.

    Args:
        secret: the shared secret, for HS256.
        jwks_url: where the provider's keys are, for RS256 and ES256.
        audience: required `aud`, if any.
        issuer: required `iss`, if any.
        remembered_for: seconds until a good token is checked again.
    """

    def __init__(
        self,
        *,
        secret: str | None,
        jwks_url: str | None,
        audience: str | None,
        issuer: str | None,
        remembered_for: float = REMEMBERED_FOR,
    ) -> None:
        self._secret = secret
        self._algorithms = ["RS256", "ES256"] if jwks_url else ["HS256"]
        self._keys = ProvidersKeys(jwks_url, timeout=JWKS_TIMEOUT, lifespan=JWKS_LIFETIME) if jwks_url else None
        self._audience = audience
        self._issuer = issuer
        self._remembered_for = remembered_for
        self._remembered: dict[str, tuple[Identified, float]] = {}

    @classmethod
    def of(cls, settings: Settings) -> "Verifier":
        """The verifier that the settings ask for."""
        return cls(
            secret=settings.jwt_secret,
            jwks_url=settings.jwt_jwks_url,
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
        )

    def identify(self, token: str) -> Identified:
        """Who a token speaks for.

        A client that posts many orders shows the same token each time, and checking it is much of what
        the application does for an order. So a good one is remembered for a while.

        Raises:
            InvalidToken: signature, algorithm, expiry or a claim is wrong.
            KeysUnavailable: the provider's keys cannot be fetched.
        """
        now = time.time()
        identified, until = self._remembered.get(token, (None, 0.0))
        if identified is None or now >= until:
            claims = self._checked(token)
            identified = Identified(_user_id(claims["sub"]), _scopes(claims.get("scope", "")))
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[token] = identified, min(now + self._remembered_for, int(claims["exp"]) + LEEWAY)
        return identified

    def _checked(self, token: str) -> dict[str, Any]:
        """The claims of a token that is good."""
        try:
            return jwt.decode(
                token,
                self._key(token),
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
            )
        except (jwt.PyJWKClientConnectionError, OSError) as error:
            raise KeysUnavailable(str(error)) from error
        except (jwt.PyJWTError, ValueError) as error:
            raise InvalidToken(str(error)) from error

    def _key(self, token: str) -> Any:
        if self._keys is None:
            return self._secret
        key_id: str = jwt.get_unverified_header(token).get("kid", "")
        try:
            self._keys.get_signing_keys()
        # An answer that holds no keys is the provider's fault, not the token's.
        except (jwt.PyJWTError, ValueError) as error:
            raise KeysUnavailable(str(error)) from error
        try:
            return self._keys.get_signing_key(key_id)  # with its algorithm, so that the two must agree
        except jwt.PyJWKClientError as error:
            if self._keys.error is not None:  # it may be a new key
                raise KeysUnavailable(str(self._keys.error)) from error
            raise


def issue_for(settings: Settings, user_id: int, scopes: list[str], lifetime: timedelta) -> str | None:
    """A token that these settings accept; None with JWT_JWKS_URL, where only its owner can make one."""
    if settings.jwt_secret is None:
        return None
    claims = {"aud": settings.jwt_audience, "iss": settings.jwt_issuer}
    given = {name: value for name, value in claims.items() if value is not None}
    return issue(settings.jwt_secret, user_id, scopes, lifetime, **given)


def issue(secret: str, user_id: int, scopes: list[str], lifetime: timedelta, **claims: str) -> str:
    """A token signed with the shared secret: for development, tests and trusted jobs."""
    expiry = datetime.now(UTC) + lifetime
    return jwt.encode(
        {"sub": str(user_id), "scope": " ".join(scopes), "exp": expiry, **claims}, secret, algorithm="HS256"
    )


def _user_id(subject: Any) -> int:
    text = str(subject)
    # The pattern comes first: int() gives up on thousands of digits.
    if not (_NUMBER.fullmatch(text) and int(text) <= MAX_USER_ID):
        raise InvalidToken(f"The claim sub must be a user id, a whole number from 1 to {MAX_USER_ID}")
    return int(text)


def _scopes(claim: Any) -> frozenset[str]:
    if not isinstance(claim, str):
        raise InvalidToken("The claim scope must be a string of names with spaces between")
    return frozenset(claim.split())
