"""The audit: every repair and every pause there was."""

from datetime import UTC
from typing import Any, Final

from celery_sqs import system
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.views import page

SHOWN: Final = 100


@page("/repairs", "repairs.html")
def repairs() -> dict[str, Any]:
    """The last repairs and pauses, newest first."""
    return {
        "now": system.now(UTC),
        "repairs": parts().dlq.repairs.latest(SHOWN),
        "pauses": parts().pauses.latest(SHOWN),
    }
