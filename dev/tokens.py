"""Tokens for development, as `flask --app app token` makes them."""

from datetime import timedelta
from typing import Final

from app import tokens
from app.auth import READ, WRITE
from config.settings import Settings

LIFETIME: Final = timedelta(hours=24)


def token(settings: Settings, user_id: int) -> str | None:
    """A user's bearer token; None where JWT_JWKS_URL is set and only its owner can make one."""
    if settings.jwt_secret is None:
        return None
    claims = {"aud": settings.jwt_audience, "iss": settings.jwt_issuer}
    given = {name: value for name, value in claims.items() if value is not None}
    return tokens.issue(settings.jwt_secret, user_id, [READ, WRITE], LIFETIME, **given)
