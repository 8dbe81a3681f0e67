"""`celery -A shop sqs workbench`: the workbench as a server of its own."""

import ipaddress
import secrets
from collections.abc import Mapping
from typing import Any, Final

import click
from werkzeug.serving import make_server

from celery_sqs.dlq import QueueGauges, metadata
from celery_sqs.dlq.scheduled.gauges import serve_gauges
from celery_sqs.monitor.schema.completeness import require_tables
from celery_sqs.settings import LOOPBACK, MAX_PORT
from celery_sqs.workbench import SCAN_MINUTES, create_app, start_scans
from celery_sqs.workbench.parts import Parts

PORT: Final = 5556  # beside Flower's

#: HMAC-SHA256 is no stronger than its key: RFC 7518, section 3.2, asks for as many bytes as the hash.
MIN_SECRET_BYTES: Final = 32

#: An operator can read every call, and discard one.
MIN_PASSWORD_LENGTH: Final = 12

#: Who signs in where nobody else is named, on loopback alone.
OPERATOR: Final = "operator"


def _operators(context: click.Context, option: click.Parameter, given: str | None) -> Mapping[str, str] | None:
    """Names and passwords. Passwords are secrets, so what is given is not repeated where it is wrong."""
    if not given:
        return None
    pairs = [pair.partition(":") for pair in given.split(",")]
    if not all(name and len(password) >= MIN_PASSWORD_LENGTH for name, _, password in pairs):
        raise click.BadParameter(f"needs NAME:PASSWORD,... with {MIN_PASSWORD_LENGTH} or more characters a password")
    found = {name: password for name, _, password in pairs}
    if len(found) < len(pairs):
        raise click.BadParameter("names an operator twice")
    return found


@click.command("workbench")
@click.option("--host", default=LOOPBACK, show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, MAX_PORT), default=PORT, show_default=True, help="0: any that is free.")
@click.option("--metrics-port", type=click.IntRange(1, MAX_PORT), help="Where to answer GET /metrics; else nowhere.")
@click.option("--queue", metavar="NAME", help="Celery's name of the only queue to show; else all.")
@click.option(
    "--scan-minutes",
    type=click.FloatRange(min=0),
    default=SCAN_MINUTES,
    show_default=True,
    help="Between two scans of a DLQ by itself; 0 for none.",
)
@click.option("--title", help="What it is called.")
@click.option(
    "--operators",
    metavar="NAME:PASSWORD,...",
    callback=_operators,
    envvar="WORKBENCH_OPERATORS",
    show_envvar=True,
    help="Who may use it.",
)
@click.option("--secret", envvar="WORKBENCH_SECRET", show_envvar=True, help="Signs the cookies: 32 bytes or more.")
@click.pass_context
def workbench(
    context: click.Context,
    host: str,
    port: int,
    metrics_port: int | None,
    queue: str | None,
    scan_minutes: float,
    title: str | None,
    operators: Mapping[str, str] | None,
    secret: str | None,
) -> None:
    """Serve the operators' pages of the app's queues and their DLQs.

    With `--metrics-port`, GET /metrics there says how much waits in the queues and DLQs, to whoever asks.

    On a loopback address, operators and secret that are not given are made anew at each start, and the password is
    printed. On every other address both have to be given, and HTTPS has to be in front: nobody can sign in without.
    """
    is_local = _is_loopback(host)
    if secret and len(secret.encode()) < MIN_SECRET_BYTES:
        raise click.UsageError(f"WORKBENCH_SECRET needs at least {MIN_SECRET_BYTES} bytes.")
    if not is_local and not (operators and secret):
        raise click.UsageError(f"WORKBENCH_OPERATORS and WORKBENCH_SECRET have to be set to listen on {host}.")
    made_up = None if operators else {OPERATOR: secrets.token_urlsafe()}
    given: dict[str, Any] = {name: value for name, value in (("queue", queue), ("title", title)) if value}
    given |= {"https_only": not is_local, "scan_minutes": scan_minutes}
    app = create_app(context.obj.app, secret or secrets.token_urlsafe(), operators or made_up, **given)
    require_tables(app.extensions[Parts.NAME].pauses.engine, metadata)
    if metrics_port:
        _serve_metrics(QueueGauges.of(context.obj.app, app.extensions[Parts.NAME].dlq), host, metrics_port)
    server = make_server(host, port, app, threaded=True)
    start_scans(app)
    click.echo(f"workbench at http://{host}:{server.server_port}/")
    if made_up:
        click.echo(f"sign in as {OPERATOR} with {made_up[OPERATOR]}")
    with server:
        server.serve_forever()


def _serve_metrics(gauges: QueueGauges, host: str, port: int) -> None:
    try:
        serve_gauges(gauges, host, port)
    except OSError as error:
        raise click.ClickException(f"--metrics-port {port}: {error.strerror}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
