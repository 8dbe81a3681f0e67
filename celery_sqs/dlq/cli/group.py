"""What the groups of commands have in common: how they end when something is not there."""

from typing import Any, Final

import click
from sqlalchemy.exc import SQLAlchemyError

from celery_sqs.dlq import AlreadyRunning, DeadLetterServices, NoSuchRepair, Refused, metadata
from celery_sqs.errors import CallFailed
from celery_sqs.monitor.schema.completeness import why_failed

FAILED: Final = 1  # something was refused, has failed or was stopped
UNREACHABLE: Final = 2  # SQS or the database cannot be asked

#: Gives a command what its group has made: `context.obj`.
pass_services = click.make_pass_decorator(DeadLetterServices)


class PlainGroup(click.Group):
    """A group whose commands say in one line, never with a traceback, why they cannot do what they are asked."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command of the group."""
        try:
            return super().invoke(ctx)
        except (Refused, AlreadyRunning, NoSuchRepair) as error:
            self._end(ctx, str(error), FAILED)
        except CallFailed as error:
            self._end(ctx, str(error), UNREACHABLE)
        except SQLAlchemyError as error:
            services = ctx.find_object(DeadLetterServices)
            self._end(ctx, why_failed(services.engine if services else None, error, metadata), UNREACHABLE)

    def _end(self, context: click.Context, reason: str, code: int) -> None:
        click.echo(f"{self.name}: {' '.join(reason.split())}", err=True)
        context.exit(code)
