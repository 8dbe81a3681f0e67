"""Many rows in few statements: each value arrives as it was, whether the text spells it or a parameter brings it."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event, insert, select

from celery_sqs.database.columns import UtcDateTime
from celery_sqs.database.many_rows import ManyRows

table = Table(
    "noted",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("text", String(200)),
    Column("number", Integer),
    Column("at", UtcDateTime),
)


@pytest.fixture
def engine():
    made = create_engine("sqlite://")
    table.metadata.create_all(made)
    yield made
    made.dispose()


def write(engine, texts, numbers=None):
    """Write a row for each text; returns what is there then, and the parameters that it took."""
    numbers = numbers or [None] * len(texts)
    at = [datetime(2026, 1, 24, 12, 0, second, 5, tzinfo=UTC) for second in range(len(texts))]
    rows = [
        {"id": number, "text": text, "number": numbers[number], "at": at[number]} for number, text in enumerate(texts)
    ]
    parameters = []
    event.listen(engine, "before_cursor_execute", lambda *args: parameters.extend(args[3]))
    many = ManyRows(engine, insert(table), {}, ())
    with engine.begin() as connection:
        many.execute(connection, rows)
        found = connection.execute(select(table).order_by(table.c.id)).all()
    assert [row.at for row in found] == at
    return [row.text for row in found], [row.number for row in found], parameters


def test_columns_of_plain_values_take_no_parameters(engine):
    assert write(engine, ["a-1", "b.2", "c@3"], [1, 2, 3])[:2] == (["a-1", "b.2", "c@3"], [1, 2, 3])


@pytest.mark.parametrize(
    "text", ["it's", 'a "quote"', "\\", "%s", "?", ":id", "{}", "\u00e9", "a\nb", "--", "a; b", ""]
)
def test_any_text_arrives_as_it_was_alone_and_among_others(engine, text):
    texts = ["plain", text, "plain", None, text]
    assert write(engine, texts)[0] == texts


def test_only_what_is_not_plain_is_a_parameter(engine):
    *_, parameters = write(engine, ["it's", "plain"], [1, None])
    assert [each for each in parameters if isinstance(each, str)] == ["it's", "plain"]
