"""`flask token`: a bearer token, to try the API with."""

from datetime import timedelta

import click

from app import tokens
from app.auth import READ, WRITE
from app.services import services
from orders.fields import MAX_USER_ID


@click.command()
@click.option(
    "--user", "user_id", type=click.IntRange(1, MAX_USER_ID), default=1, show_default=True, help="Numeric user id."
)
@click.option("--scope", "scopes", multiple=True, default=[READ, WRITE], show_default=True, help="May be repeated.")
@click.option("--hours", type=click.IntRange(1, 24 * 31), default=24, show_default=True, help="Lifetime.")
def token(user_id: int, scopes: list[str], hours: int) -> None:
    """Print a bearer token signed with JWT_SECRET."""
    made = tokens.issue_for(services().settings, user_id, list(scopes), timedelta(hours=hours))
    if made is None:
        raise click.ClickException("JWT_JWKS_URL is set: tokens come from the identity provider")
    click.echo(made)
