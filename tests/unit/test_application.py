"""What the application leaves out of Flask, because nothing of it is used here."""

from inspect import iscoroutinefunction

import pytest
from flask import session

from app import create_app
from tests.conftest import make_settings
from tests.unit.fakes import ForbiddenStore


@pytest.fixture
def application(queue):
    """The application, with the workbench."""
    return create_app(make_settings(), store=ForbiddenStore(), queue=queue)


def test_no_function_that_flask_calls_is_a_coroutine(application):
    called = [*application.view_functions.values()]
    for functions in (application.before_request_funcs, application.after_request_funcs):
        called += [function for each in functions.values() for function in each]
    assert len(called) > 10
    assert not [function for function in called if iscoroutinefunction(function)]


def test_nothing_can_be_kept_in_flasks_session(application):
    with application.test_request_context("/"), pytest.raises(RuntimeError, match="session is unavailable"):
        session["user"] = 1
