"""Words that the field's terms have replaced do not come back, neither as names nor in prose."""

import io
import re
import tokenize
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("app", "celery_sqs", "config", "examples", "orders", "tasks")
PAGES = ("*.md", "celery_sqs/README.md", "docs/*.md", "examples/*/*.md")
#: A migration keeps the names of its time, as the tables had them.
HISTORY = Path("app/migrations/versions")

#: What no identifier and no file may be named after, and the term instead. The words of a name are compared in lower
#: case and with spaces between them: `TookOff` and `took_off` are "took off".
NAMES = {
    r"bench": "service, as in DeadLetterService",
    r"book|books|bookkeeping": "journal",
    r"census": "scan",
    r"chosen|scope|scopes": "selection",
    r"contact": "connection guard",
    r"crew|stage": "cluster, supervisor",
    r"evidence": "history",
    r"feed|feeds|feeder": "event writer",
    r"(take|takes|taking|took) off|in the air|fly|flies|flying|flight|flights": "send, dispatch, concurrent calls",
    r"(hand|hands|handed|handing|give|gives|gave|giving) back": "release",
    r"hold|holds|holding|held": "in flight, park, postpone",
    r"hopeless": "permanent, not retryable; watchdog timeout",
    r"hurried|hurry": "cold shutdown",
    r"hush|hushes|hushed|ring|rings|rang": "drain, wake",
    r"inbox": "command listener, ready",
    r"judge|judges|judged|verdict|verdicts": "decide, decision",
    r"ledger|ledgers": "repair log, accepted orders",
    r"letter|letters": "dead message",
    r"mirror|mirrors|mirrored": "snapshot",
    r"mend|mends|mended": "fix",
    r"mischief|weather|forecast": "nemesis, schedule, interceptor",
    r"notice|notices|noticed": "intercepted, throttled log",
    r"pace|paces|paced": "throttle",
    r"part with|parts with|parted with": "settle, renew, release",
    r"patience": "timeout",
    r"safety net": "rescuer",
    r"spoil|spoils|spoiled": "invalidate, as SQLAlchemy does with a connection",
    r"stand|stands": "standstill, stalled",
    r"sweep|sweeps|sweeper": "pass, as in RedrivePass",
    r"tally|tallies": "counter",
    r"tell|tells|telling|told|said": "fields, report, output",
    r"trial|trials|tried out|try out": "dry run",
    r"trouble|troubles": "error",
    r"turn|turns": "scan lock, iteration",
    r"vitals": "stats",
    r"withheld": "unrecordable",
    r"watch|watched|watches|watching|watcher": "monitor, event reader",
    r"way|ways": "path, as in fast_path",
}
#: Terms of SQS and of locks, and plain English, although they have a word of the list in them.
FIELD_TERMS = r"dead letter|in flight|deduplication scope|held until|under way|on its way"
#: Where the word is OAuth's.
OAUTH = {"scope": ("app/auth.py", "app/cli/token.py", "app/tokens.py")}

#: What no docstring, comment, text or page may say, and the term instead.
PROSE = {
    r"letters?": "dead message",
    r"census": "scan",
    r"bookkeeping|ledgers?": "journal, state",
    r"hush(es|ed)?": "drain",
    r"inbox(es)?": "command listener, ready",
    r"mend(s|ed|ing)?": "fix",
    r"sweep(s|er|ers)?": "pass",
    r"trials?": "dry run",
    r"verdicts?": "decision, result",
    r"vitals|tally|tallies": "stats, counter",
    r"tell(s|ing)?(?! why)|told": "a verb that says what happens: gets, is configured, reports, distinguishes",
    r"(hand|hands|handed|handing|give|gives|given|giving|gave)( \w+){0,3} back": "release, return",
    r"gives? out (a |an |no )?messages?": "deliver",
    r"(take|takes|taken|taking|took)( \w+)? off": "send, begin, remove",
    r"own way of an? (call|message)|(goes|go|gets|get|takes?) \w+'s own way": "path, as in fast_path",
    r"the way of (a|an|the) \w+": "path",
    r"(stand|stands|standing|stood) still": "be at a standstill",
    r"watch(es)? (it|over|over it)|watches": "monitor, poll, supervise",
    r"in the air": "in flight, under way",
    r"(hold|holds|holding|held)( \w+){0,2} against": "compare",
    r"held": "in flight, parked; compared",
    r"messages? (that |which )?(it|a worker|the worker) holds": "in flight",
    r"holds? (the|its|his|their|a) messages?": "in flight",
    r"(part|parts|parting|parted) with": "renew or release, settle",
    r"hopeless": "permanent, or why the watchdog ends a process",
    r"safety net": "rescuer, rescue",
    r"loop (has |has not |does not |last )?(turns?|turned)|without a turn|as a turn": "runs, iteration",
}
#: SQS's own term, letters of the alphabet, and locks.
ALLOWED = (
    r"dead[- ]letter[- ]queues?|letters, digits|letters and digits"
    r"|lock is held|lock that a thread( of the parent)? held"
)

#: Names that are refused.
REPLACED = """
    Letters deadLetters dead_letters letter_id take_off _told BENCH feed flights.py Step.HOLD _is_held notice.py
    is_noticed own_way.py _stands_for MEND_SPENT chosen
"""
#: Names that only resemble one.
RESEMBLING = """
    DeadLetterQueue MAX_IN_FLIGHT DeduplicationScope held_until holder standstill always returns workbench string
    watchdog take_offline SQSTask flyer
"""


def test_no_name_is_one_of_the_replaced_words():
    places = chain(identifiers(), example_names(), file_names())
    offenders = [
        f"{place}: {name}: say {term}"
        for place, name in places
        for term in replaced_in_name(name)
        if not is_of_oauth(place, name)
    ]
    assert not offenders, f"{len(offenders)} names:\n" + "\n".join(offenders)


def test_no_text_uses_one_of_the_replaced_words():
    places = chain(python_texts(), page_texts())
    offenders = [
        f"{path}:{first_line + text.count(chr(10), 0, start)}: {word!r}: say {term}"
        for path, first_line, text in places
        for start, word, term in replaced_in_prose(text)
    ]
    assert not offenders, f"{len(offenders)} texts:\n" + "\n".join(offenders)


def test_there_are_names_and_texts_to_look_at():
    assert {"Settings", "ORDER_QUEUE"} <= {name for _, name in identifiers()}
    assert any(path == "README.md" for path, _, _ in page_texts())
    assert any(path.startswith("celery_sqs/") and path.endswith(".html") for path, _, _ in page_texts())
    # A docstring, a comment and a log line.
    texts = {text for path, _, text in python_texts() if path == "config/settings.py"}
    assert any(text.startswith('"""The settings of a process') for text in texts)
    assert any(text.startswith("#: Seconds that a POST") for text in texts)
    assert any("settings: {error}" in text for text in texts)


@pytest.mark.parametrize("name", REPLACED.split())
def test_a_replaced_word_is_found_in_a_name(name):
    assert list(replaced_in_name(name))


@pytest.mark.parametrize("name", RESEMBLING.split())
def test_a_name_that_only_resembles_a_replaced_word_is_none(name):
    assert not list(replaced_in_name(name))


@pytest.mark.parametrize(
    "text",
    [
        "A dead letter",
        "the Letters of it",
        "it is\ntold",
        "hands all of them back",
        "takes it off",
        "in the\n  air",
        "nothing tells it from another",
        "gives it back",
        "gives out no message",
        "are taken off",
        "calls are held beside it",
        "a message that it\n# holds",
        "it holds the message",
        "it goes Celery's own way",
        "the worker stands still",
        "a verdict",
        "with the mend",
    ],
)
def test_a_replaced_word_is_found_in_a_text(text):
    assert list(replaced_in_prose(text))


@pytest.mark.parametrize(
    "text",
    [
        "the dead-letter queue",
        "a dead letter queue",
        "sqs-dead-letter-queues.html",
        "80 letters, digits",
        "it tells why",
        "the lock is held while it is made",
        "a row holds 64 KiB",
        "groups are served in turn",
    ],
)
def test_a_text_that_only_resembles_a_replaced_word_is_none(text):
    assert not list(replaced_in_prose(text))


def replaced_in_name(name):
    """The terms to use instead of the words of an identifier or file name."""
    words = " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)).lower()
    words = re.sub(rf"\b({FIELD_TERMS})\b", "", words)
    return (term for pattern, term in NAMES.items() if re.search(rf"\b({pattern})\b", words))


def replaced_in_prose(text):
    """Each replaced word of a text, as its position, the word, and the term to use instead."""
    others = re.sub(ALLOWED, lambda found: " " * len(found[0]), text, flags=re.IGNORECASE)
    for pattern, term in PROSE.items():
        anywhere = pattern.replace(" ", r"[\s#]+")  # a comment goes on behind the next #
        for found in re.finditer(rf"\b({anywhere})\b", others, re.IGNORECASE):
            yield found.start(), found[0], term


def is_of_oauth(place, name):
    """Whether a name is OAuth's, in a module where it is."""
    return any(word in name and place.startswith(paths) for word, paths in OAUTH.items())


def example_names():
    """Every identifier of the Python in the pages, with its page."""
    for path in chain(*(sorted(ROOT.glob(pattern)) for pattern in PAGES)):
        for code in re.findall(r"^```python$(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
            yield from ((str(path.relative_to(ROOT)), name) for name in re.findall(r"[^\W\d]\w*", code))


def identifiers():
    """Every identifier with its place, once for each line that has it."""
    for path, tokens in modules():
        seen = {(token.start[0], token.string) for token in tokens if token.type == tokenize.NAME}
        yield from ((f"{path}:{line}", name) for line, name in sorted(seen))


def file_names():
    """Every file and folder of the product with its place."""
    paths = {path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*")}
    yield from ((str(path), path.name) for path in sorted(paths) if not is_skipped(path))


def python_texts():
    """Every string and comment, as its path, its first line and itself."""
    for path, tokens in modules():
        comments, last = [], 0
        for token in tokens:
            if token.type == tokenize.STRING:
                yield str(path), token.start[0], token.string
            elif token.type == tokenize.COMMENT:
                # The lines of one comment are one text: a phrase may go on in the next line.
                if token.start[0] != last + 1:
                    yield from joined(path, comments)
                    comments = []
                comments.append((token.start[0], token.string))
                last = token.start[0]
        yield from joined(path, comments)


def joined(path, comments):
    if comments:
        yield str(path), comments[0][0], "\n".join(text for _, text in comments)


def page_texts():
    """Every page without its code and what it quotes, and every template and script, as path, first line and text."""
    for path in chain(*(sorted(ROOT.glob(pattern)) for pattern in PAGES)):
        # Line breaks stay, so that the lines behind a block keep their numbers.
        text = re.sub(r"^```.*?^```|`[^`]*`", line_breaks, path.read_text(), flags=re.MULTILINE | re.DOTALL)
        yield str(path.relative_to(ROOT)), 1, text
    for path in sorted((ROOT / "celery_sqs").rglob("*")):
        if path.suffix in {".html", ".js"}:
            yield str(path.relative_to(ROOT)), 1, path.read_text()


def line_breaks(found):
    return "\n" * found[0].count("\n")


@cache
def modules():
    """Every module's path below the root, and its tokens."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [
        (path.relative_to(ROOT), list(tokenize.generate_tokens(io.StringIO(path.read_text()).readline)))
        for path in paths
        if not is_skipped(path.relative_to(ROOT))
    ]


def is_skipped(path):
    return path.is_relative_to(HISTORY) or "__pycache__" in path.parts
