"""A name or an id that a message may have fits into the tables."""

from celery_sqs.database import columns
from celery_sqs.message import names


def test_names_of_messages_are_as_long_as_the_tables_take():
    assert names.MAX_NAME == columns.MAX_NAME
