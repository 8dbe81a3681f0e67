"""The tables as they were when they got migrations of their own: `celery_sqs.monitor.schema.upgrade` creates them.

An empty database gets the tables of today from their metadata, and is noted as being at the latest revision. So a later
change is made twice: in `tables.py`, and in a revision beside this one, `0002_...` with `down_revision = "0001"`, that
brings the tables of before there. A host with migrations of its own has them find the difference.
"""

from typing import Final

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Nothing."""


def downgrade() -> None:
    """Nothing."""
