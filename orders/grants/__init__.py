"""The users that the services log in as, and what each may do."""

from orders.grants.grants import RIGHTS, Refused, grant

__all__ = ["RIGHTS", "Refused", "grant"]
