"""Order ids: valid version 4 UUIDs that we can recognise as our own without storing them.

The 122 free bits of the UUID are a 90-bit nonce and a 32-bit tag:

    nonce = random, or HMAC(secret, user, Idempotency-Key)
    tag   = HMAC(secret, user, nonce)

The tag binds the id to its user. A `GET` for an accepted order that no worker has seen yet can thus
be answered "queued" from the id alone, while a made-up id, or somebody else's, is not found.
"""

import hashlib
import hmac
import secrets
from typing import Final
from uuid import UUID

NONCE_BITS: Final = 90
TAG_BITS: Final = 32
UUID_VERSION: Final = 4

# A UUID's bits from the left: 48 free, 4 of version, 12 free, 2 of variant, 62 free (RFC 9562, 5.4).
_LOW_BITS: Final = 62
_MIDDLE_BITS: Final = 12
_FIXED_BITS: Final = (UUID_VERSION << 76) | (0b10 << 62)


class Identity:
    """Issues order ids and recognises them.

    Args:
        secret: the key of the HMACs. A new one makes a repeated Idempotency-Key name a new order
            and makes accepted ids unknown until their order is persisted.
    """

    def __init__(self, secret: str) -> None:
        # With the key in it: a copy takes half the time of `hmac.digest`.
        self._keyed = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def issue(self, user_id: int, idempotency_key: str | None = None) -> UUID:
        """An id for a user's order: random, or always the same for the same user and key."""
        if idempotency_key is None:
            nonce = secrets.randbits(NONCE_BITS)
        else:
            nonce = self._hmac(NONCE_BITS, f"nonce:{user_id}:{idempotency_key}")
        return _pack(nonce << TAG_BITS | self._tag(user_id, nonce))

    def issued(self, order_id: UUID, user_id: int) -> bool:
        """Whether this service issued the id to this user."""
        nonce, tag = divmod(_unpack(order_id), 1 << TAG_BITS)
        return order_id.version == UUID_VERSION and hmac.compare_digest(
            tag.to_bytes(TAG_BITS // 8), self._tag(user_id, nonce).to_bytes(TAG_BITS // 8)
        )

    def _tag(self, user_id: int, nonce: int) -> int:
        return self._hmac(TAG_BITS, f"tag:{user_id}:{nonce}")

    def _hmac(self, bits: int, text: str) -> int:
        keyed = self._keyed.copy()
        keyed.update(text.encode())
        digest = keyed.digest()
        return int.from_bytes(digest) >> (len(digest) * 8 - bits)


def _pack(free: int) -> UUID:
    """Spread 122 bits around the UUID's version and variant bits."""
    high, rest = divmod(free, 1 << (_MIDDLE_BITS + _LOW_BITS))
    middle, low = divmod(rest, 1 << _LOW_BITS)
    return UUID(int=high << 80 | middle << 64 | low | _FIXED_BITS)


def _unpack(order_id: UUID) -> int:
    """The 122 free bits of a UUID."""
    high = order_id.int >> 80
    middle = order_id.int >> 64 & ((1 << _MIDDLE_BITS) - 1)
    low = order_id.int & ((1 << _LOW_BITS) - 1)
    return high << (_MIDDLE_BITS + _LOW_BITS) | middle << _LOW_BITS | low
