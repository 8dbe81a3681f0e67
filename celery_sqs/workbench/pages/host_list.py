"""A list of the host's own: of what its calls are about, each with the way to its time line."""

from datetime import UTC
from typing import Any, Final

from werkzeug.exceptions import NotFound

from celery_sqs import system
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.views import page

SHOWN: Final = 500


@page("/lists/<name>", "host_list.html", json_rule="/lists/<name>.json")
def host_list(name: str) -> dict[str, Any]:
    """Its first rows."""
    shown = parts().host_list
    if shown is None or shown.name != name:
        raise NotFound("There is no such page.")
    return {"now": system.now(UTC), "count": shown.count(), "rows": shown.rows(SHOWN)}
