"""`flask dlq`: look into the DLQ."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import click

from app.cli import repair
from app.cli.chosen import bench, choose, choosing
from app.cli.group import FAILED, PlainGroup
from app.cli.screen import MAX_TOLD, instant, line, print_json, print_table, readable, safe
from tasks.repair.bench import Bench
from tasks.repair.letters import Chosen, Group, Letter
from tasks.repair.repairs import Refused
from tasks.repair.trial import Trial

#: Letters that are tried at once.
CHUNK: Final = 500

GROUPS: Final = ("GROUP", "MESSAGES", "KIND", "TASK", "OLDEST (UTC)", "ERROR")
LETTERS: Final = ("MESSAGE", "ORDER", "SENT (UTC)", "DIED (UTC)", "ERROR")


@click.group(cls=PlainGroup)
def dlq() -> None:
    """Look into the dead-letter queue, and repair what is in there.

    Commands end with 0 if all is well, with 1 if something was refused, has failed or was stopped, and with 2
    if SQS or the database cannot be asked.
    """


for command in (repair.redrive, repair.edit, repair.discard, repair.resume, repair.log):
    dlq.add_command(command)


@dlq.command()
@click.option("--group", "fingerprint", metavar="FP", help="The messages of this group.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Messages, at the most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def ls(fingerprint: str | None, limit: int, as_json: bool) -> None:
    """Show the groups of dead messages, by why they died; or the messages of one."""
    at = bench()
    census = at.take_census()
    found = at.letters.groups() if fingerprint is None else at.letters.page(fingerprint, None, limit)
    if as_json:
        print_json({"looked_at": census.ended_at, "count": at.letters.count(), "found": found})
        return
    if not census.complete:
        click.echo("not all of the DLQ was seen in the time that a look may take", err=True)
    if fingerprint is None:
        print_table(GROUPS, [_group_row(group) for group in at.letters.groups()])
    else:
        print_table(LETTERS, [_letter_row(letter) for letter in at.letters.page(fingerprint, None, limit)])


@dlq.command()
@click.argument("message_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(message_id: str, as_json: bool) -> None:
    """Show a dead message, why it died, and what would become of it if it were sent again."""
    at = bench()
    letter = at.letters.get(message_id)
    if letter is None:
        at.take_census()
        letter = at.letters.get(message_id)
    if letter is None:
        raise Refused(f"there has never been a message {message_id} in the DLQ")
    [trial] = at.try_out([letter])
    if as_json:
        print_json({"letter": letter, "trial": trial})
        return
    for name, value in _told(letter, trial):
        click.echo(f"{name:<10} {line(value, MAX_TOLD)}")
    click.echo(f"\n{safe(readable(letter.body))}")


@dlq.command("dry-run")
@choosing
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def dry_run(
    context: click.Context, message_ids: tuple[str, ...], fingerprint: str | None, everything: bool, as_json: bool
) -> None:
    """Say which messages today's code would accept; nothing is written. Ends with 1 if it would refuse any."""
    at = bench()
    chosen = choose(at, message_ids, fingerprint, everything)
    trials = [trial for letters in _pages(at, chosen) for trial in at.try_out(letters)]
    refused = [trial for trial in trials if not trial.accepted]
    if as_json:
        print_json({"accepted": len(trials) - len(refused), "refused": len(refused), "trials": trials})
    else:
        click.echo(f"{len(trials):,} tried: {len(trials) - len(refused):,} would be accepted")
        for why, count in Counter(trial.why for trial in trials if trial.accepted).most_common():
            click.echo(f"  {count:,} {why}")
        if refused:
            click.echo(f"{len(refused):,} would be refused:")
            print_table(("MESSAGE", "WHY"), [(trial.message_id, trial.why) for trial in refused])
    context.exit(FAILED if refused else 0)


def _pages(at: Bench, chosen: Chosen) -> Iterator[list[Letter]]:
    behind = None
    while letters := at.letters.chosen(chosen, behind, CHUNK):
        yield letters
        behind = letters[-1].message_id


def _group_row(group: Group) -> Sequence[str]:
    error = f"{group.error_class}: {group.error}" if group.error_class else group.error
    return group.fingerprint, f"{group.count:,}", group.kind, group.task, instant(group.oldest), error


def _letter_row(letter: Letter) -> Sequence[str]:
    return letter.message_id, letter.order_id or "-", instant(letter.sent_at), instant(letter.died_at), letter.error


def _told(letter: Letter, trial: Trial) -> Iterator[tuple[str, str]]:
    yield "message", letter.message_id
    yield "order", letter.order_id or "-"
    yield "task", f"{letter.task or '-'} {letter.task_id}"
    yield "sent", f"{instant(letter.sent_at)} UTC"
    yield "died", f"{instant(letter.died_at)} UTC" if letter.died_at else "-"
    yield "in the DLQ", "yes" if letter.gone_at is None else f"no, since {instant(letter.gone_at)} UTC"
    yield "kind", letter.kind
    yield "error", f"{letter.error_class}: {letter.error}" if letter.error_class else letter.error
    yield "group", letter.fingerprint
    yield "dry run", trial.why
