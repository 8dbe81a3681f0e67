"""What an application is made of."""

from app.services import Services


def test_a_dry_run_takes_no_connections_of_its_own(app):
    services = app.extensions[Services.NAME]
    assert services.celery.tasks["persist_order"].store._engine is services.engine
