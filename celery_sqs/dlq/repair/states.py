"""The actions and states of repairs and of their messages, as the tables have them."""

from typing import Final

# The actions of a repair.
REDRIVE: Final = "redrive"
EDIT: Final = "edit"
DISCARD: Final = "discard"
RESCUE: Final = "rescue"  # nobody asks for it: see celery_sqs.dlq.scheduled.rescue

# The states of a repair.
RUNNING: Final = "running"
DONE: Final = "done"
STOPPED: Final = "stopped"

# The states of a message in a repair.
PLANNED: Final = "planned"
SENDING: Final = "sending"  # or being deleted: whether SQS has done it is not on record yet
SENT: Final = "sent"
CONFIRMED: Final = "confirmed"
FAILED: Final = "failed"
GONE: Final = "gone"
DISCARDED: Final = "discarded"
