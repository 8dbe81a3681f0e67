"""The group of a command as the operator has typed it: what a hint prints can be pasted."""

import click
import pytest

from celery_sqs.dlq.cli.as_typed import group_as_typed


def context_of(*names):
    context = None
    for name in names:
        context = click.Context(click.Group(name), parent=context, info_name=name)
    return context


@pytest.mark.parametrize(
    ("names", "arguments", "group"),
    [
        ("celery sqs dlq redrive", "-A shop sqs dlq redrive --all", "celery -A shop sqs dlq"),
        ("celery sqs dlq redrive", "--app=shop sqs dlq --queue mail redrive", "celery --app=shop sqs dlq --queue mail"),
        ("celery sqs dlq redrive", "-A sqs.app sqs dlq redrive redrive", "celery -A sqs.app sqs dlq"),
        ("flask dlq edit", "--app app dlq edit ID", "flask --app app dlq"),
        ("celery sqs dlq redrive", "tests/unit -q", "celery sqs dlq"),
        ("celery sqs dlq redrive", "", "celery sqs dlq"),
    ],
)
def test_it_is_what_stands_before_the_command(names, arguments, group):
    assert group_as_typed(context_of(*names.split()), arguments.split()) == group


def test_words_with_spaces_are_quoted_and_a_module_is_run_as_it_was():
    context = context_of("python -m celery", "sqs", "dlq", "redrive")
    assert group_as_typed(context, ["-A", "a shop", "sqs", "dlq", "redrive"]) == "python -m celery -A 'a shop' sqs dlq"
