"""Where the containers of a plan and the processes that run in them contradict each other, in sentences."""

import os
import re
import runpy
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final
from unittest import mock

import certifi
from sqlalchemy import make_url

from app.cli.database import grant
from celery_sqs import monitor
from celery_sqs.consume import channel
from config.settings import Settings, SettingsError, load
from orders.database import connect
from tasks.application import TIME_LIMIT
from tests.processes import ROOT
from tests.terraform.plan import Container, Plan

SETTINGS: Final = {field.name.upper() for field in fields(Settings)}

#: Which key of which secret a variable may come from, and a value as it could stand there. The second secret is
#: the administrator's, which RDS makes.
_LOGIN: Final = {"DATABASE_USER": "username", "DATABASE_PASSWORD": "password"}
VALUES: Final = {
    "DATABASE_USER": "orders",
    "DATABASE_PASSWORD": "a/password@of:nobody%41",
    "JWT_SECRET": "a-jwt-secret-that-is-long-enough-for-it",
    "ORDER_ID_SECRET": "an-order-id-secret-that-is-long-enough",
    "OPERATORS": "ada:a-password-of-nobody",
    "SERVICE_DATABASE_USER": "orders",
    "SERVICE_DATABASE_PASSWORD": "a-password-of-nobody",
}

#: Where the image has RDS's authorities: see the Dockerfile.
CA_FILE: Final = "/etc/ssl/certs/rds.pem"

#: The event writer's connection, beside SQLAlchemy's pool: celery_sqs/monitor/event_writer.py.
EVENT_WRITER: Final = 1


def variables_are_read(plan: Plan) -> Iterator[str]:
    options = {variable for parameter in grant.params for variable in [parameter.envvar] if isinstance(variable, str)}
    for where, container in _all(plan):
        known = SETTINGS | (options if container.name == "grant" else set())
        for name in sorted((container.environment.keys() | container.secrets.keys()) - known):
            yield f"{where}: nothing reads {name}"
        for name, source in container.secrets.items():
            key = _LOGIN.get(name.removeprefix("SERVICE_"), name)
            if source.split(":")[7:] != [key, "", ""]:
                yield f"{where}: {name} comes from {source}"


def environments_load(plan: Plan) -> Iterator[str]:
    for where, container in _all(plan):
        with mock.patch.dict(os.environ, _environment(container), clear=True):
            try:
                settings = load(env_file=None)
            except SettingsError as error:
                yield f"{where}: it does not start: {error}"
                continue
        yield from _contradictions(where, settings, plan)


def _contradictions(where: str, settings: Settings, plan: Plan) -> Iterator[str]:
    if settings.app_env != "production":
        yield f"{where}: it is not run as in production"
    if settings.sqs_queue_url != plan.output("queue_url") or settings.sqs_dlq_url != plan.output("dlq_url"):
        yield f"{where}: its queues are {settings.sqs_queue_url} and {settings.sqs_dlq_url}"
    if settings.sqs_endpoint is not None:
        yield f"{where}: SQS is at {settings.sqs_endpoint}"
    if bool(settings.operators) != (where == "workbench"):
        yield f"{where}: it has {len(settings.operators)} operators"
    url = make_url(settings.database_url)
    if (url.username, url.password) != (VALUES["DATABASE_USER"], VALUES["DATABASE_PASSWORD"]):
        yield f"{where}: its login at the database is not the secret's"
    if url.query.get("ssl_ca") != certifi.where():
        yield f"{where}: it does not check the database's certificate against {CA_FILE}"


def health_is_asked_where_it_is_told(plan: Plan) -> Iterator[str]:
    for where, container in plan.services.items():
        settings = _settings(container)
        port = settings.worker_health_port if where == "worker" else settings.port
        asked = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w*)", " ".join(container.definition["healthCheck"]["command"]))
        if asked != [(str(port), "/healthz")]:
            yield f"{where}: it serves its health at port {port}, and is asked at {asked}"
        mapped = [mapping["containerPort"] for mapping in container.definition["portMappings"]]
        if mapped != ([] if where == "worker" else [port]):
            yield f"{where}: it listens at port {port}, and the load balancer is sent to {mapped}"
    for address, group in plan.all("aws_lb_target_group").items():
        where = address.split('"')[1]
        if (group["port"], group["health_check"][0]["path"]) != (_settings(plan.services[where]).port, "/healthz"):
            yield f"{where}: the load balancer asks at {group['port']}{group['health_check'][0]['path']}"


def stops_leave_time_to_drain(plan: Plan) -> Iterator[str]:
    ends = channel.POLL_TIMEOUT + channel.CLOSE_TIMEOUT + monitor.CLOSE_TIMEOUT
    drains = {"worker": TIME_LIMIT + ends}
    drains |= {where: _gunicorn(plan.services[where])["graceful_timeout"] for where in ("web", "workbench")}
    for where, drain in drains.items():
        given = plan.services[where].definition["stopTimeout"]
        if given <= drain:
            yield f"{where}: it is killed after {given} s, and may need {drain:.0f} s to end"
    for name in ("worker", "web"):
        counted_on = plan.output("limits")[f"{name}_drain"]
        if counted_on != drains[name]:
            yield f"{name}: limits.tf takes its drain for {counted_on} s, and it is {drains[name]} s"


def pools_have_their_connections(plan: Plan) -> Iterator[str]:
    limits = plan.output("limits")
    pool: Any = connect("mysql+pymysql://nobody@127.0.0.1:1/nothing").pool
    most = pool.size() + pool._max_overflow + EVENT_WRITER
    if limits["connections_per_web_process"] != most:
        yield f"a web process may take {most} connections, not {limits['connections_per_web_process']}"
    for where in ("web", "workbench"):
        if _gunicorn(plan.services[where])["workers"] != limits["processes"][where]:
            yield f"{where}: its processes are not {limits['processes'][where]}"
    command = plan.services["worker"].definition["command"]
    if command[-2:] != ["--concurrency", str(limits["processes"]["worker"])]:
        yield f"worker: its processes are not {limits['processes']['worker']}: {command}"
    [target] = plan.all("aws_appautoscaling_target").values()
    per_task, services = limits["connections_per_task"], plan.all("aws_ecs_service")
    others = sum(services[f'http["{name}"]']["desired_count"] * per_task[name] for name in ("web", "workbench"))
    taken = limits["tasks_at_once"] * (others + target["max_capacity"] * per_task["worker"])
    if taken + limits["connections_reserved"] > limits["max_connections"]:
        yield f"{taken} connections are taken in a deploy with {target['max_capacity']} workers"


def _all(plan: Plan) -> Iterator[tuple[str, Container]]:
    yield from plan.services.items()
    yield from ((f"release, {name}", container) for name, container in plan.release.items())


def _environment(container: Container) -> Mapping[str, str]:
    """What its process finds, with CA_FILE where this machine has the authorities that the image has."""
    variables = container.environment | {name: VALUES.get(name, "") for name in container.secrets}
    return variables | {"DATABASE_URL": variables["DATABASE_URL"].replace(CA_FILE, certifi.where())}


def _settings(container: Container) -> Settings:
    with mock.patch.dict(os.environ, _environment(container), clear=True):
        return load(env_file=None)


def _gunicorn(container: Container) -> dict[str, Any]:
    """What gunicorn's settings file says in a container."""
    with mock.patch.dict(os.environ, _environment(container), clear=True):
        return runpy.run_path(str(ROOT / "config" / "gunicorn.py"))
