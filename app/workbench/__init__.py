"""The operators' workbench at /monitor: what is going on, where an order is, and what to do about dead ones."""

from flask import Flask

from app.services import Services
from app.workbench.access import sessions
from app.workbench.actions import dry_run, edit, repair
from app.workbench.blueprint import blueprint
from app.workbench.pages import audit, dead_messages, login, order, overview, queues
from app.workbench.parts import Parts

#: Each of them adds its pages to the blueprint when it is imported.
PAGES = (audit, dead_messages, dry_run, edit, login, order, overview, queues, repair)


def init_app(app: Flask) -> None:
    """Give the application its workbench, if it has operators."""
    services: Services = app.extensions[Services.NAME]
    if not services.settings.operators:
        return
    made = Parts.of(services)
    app.extensions[Parts.NAME] = made
    sessions.init_app(app, made.operators, services.settings.app_env)
    app.register_blueprint(blueprint)
