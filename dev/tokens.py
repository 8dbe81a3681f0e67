"""Tokens for development, as `flask --app app token` makes them."""

from datetime import timedelta
from typing import Final

from app.auth import READ, WRITE
from app.tokens import issue_for
from config.settings import Settings

LIFETIME: Final = timedelta(hours=24)


def token(settings: Settings, user_id: int) -> str | None:
    """A user's bearer token; None where JWT_JWKS_URL is set and only its owner can make one."""
    return issue_for(settings, user_id, [READ, WRITE], LIFETIME)
