"""Following an order: what an Idempotency-Key has named before, and waiting until an order is stored or dead."""

from app.following.keys import AcceptedKeys, KeyReused
from app.following.prefer import APPLIED_HEADER, HEADER, wait_preferred
from app.following.waits import WaitRefused, Waits

__all__ = ["APPLIED_HEADER", "HEADER", "AcceptedKeys", "KeyReused", "WaitRefused", "Waits", "wait_preferred"]
