"""What a store may say is on record of a message: other types are refused by name of the field."""

from datetime import UTC, datetime

import pytest

from celery_sqs import OnRecord

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  # as SQLite and MariaDB give it


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("receives", None),
        ("receives", 2),
        ("receives", "12"),
        ("receives", [1, None]),
        ("last_at", "2026-01-01T00:00:00+00:00"),
        ("last_at", 1_767_225_600),
        ("last_at", NAIVE),
        ("lost", "1"),
    ],
)
def test_another_type_is_refused_and_the_field_is_named(field, value):
    with pytest.raises(TypeError, match=rf"OnRecord\.{field} has to be .*, not"):
        OnRecord(**{field: value})


def test_each_receive_is_one_attempt_however_often_a_store_names_it():
    known = OnRecord(receives=[1, 2, 2], last_at=datetime(2026, 1, 1, tzinfo=UTC), lost=2)
    assert (known.receives, known.attempts) == ({1, 2}, 2)
