"""Puts the workbench together: its pages, its parts and its sessions."""

from flask import Flask

from app.monitor import audit, dead, edit, login, order, overview, queues, repair, sessions, trial
from app.monitor.blueprint import blueprint
from app.monitor.parts import Parts
from app.services import Services

#: Each of them puts its pages into the blueprint.
PAGES = (audit, dead, edit, login, order, overview, queues, repair, trial)


def init_app(app: Flask) -> None:
    """Give the application its workbench, if it has operators."""
    services: Services = app.extensions[Services.NAME]
    if not services.settings.operators:
        return
    made = Parts.of(services)
    app.extensions[Parts.NAME] = made
    sessions.init_app(app, made.operators, services.settings.app_env)
    app.register_blueprint(blueprint)
