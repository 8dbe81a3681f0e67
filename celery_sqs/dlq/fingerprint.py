"""What makes two failures the same: the task, the kind, the error's class, its text without particulars, its place."""

import hashlib
import re
from pathlib import PurePath
from typing import Final

#: Characters of the hash; of a million reasons hardly two share one.
LENGTH: Final = 16

#: Of a long error text only this much: it may quote a whole message.
MAX_TEXT: Final = 2000  # characters

#: SQLAlchemy's errors end with the statement and its values, as long as the batch.
#: https://docs.sqlalchemy.org/en/21/core/exceptions.html#sqlalchemy.exc.StatementError
_STATEMENT: Final = re.compile(r"\n\[SQL: .*", re.DOTALL)

#: A quoted text and what is before it. In prose (`no such 'x'`) and after `=` it is a value. In brackets it is
#: what an error says: of a bad order its fields and what is wrong with them, of the database its own words.
_QUOTED: Final = re.compile(r"""(, |.|^)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.DOTALL)
_KEPT_AFTER: Final = frozenset({"[", "{", "(", ", "})

_ID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\b(?:0x)?[0-9a-f]*\d[0-9a-f]*\b", re.IGNORECASE)  # and hashes, and addresses

#: A frame of a traceback: file and function. The line is left out: each version moves it.
_FRAME: Final = re.compile(r'^\s+File "([^"]+)", line \d+, in (.+)$', re.MULTILINE)
_FOREIGN: Final = re.compile(r"[/\\](?:site-packages|dist-packages|python3\.\d+)[/\\]|^<")


def fingerprint(task: str, kind: str, error_class: str, error: str, traceback: str) -> str:
    """Sixteen hexadecimal digits, the same for the same reason."""
    parts = (task, kind, error_class, normalised(error), place(traceback))
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:LENGTH]


def normalised(error: str) -> str:
    """An error's text without what differs from message to message: numbers, ids and quoted values."""
    text = _STATEMENT.sub("", error)[:MAX_TEXT]
    text = _QUOTED.sub(lambda match: match[0] if match[1] in _KEPT_AFTER else f"{match[1]}''", text)
    return _NUMBER.sub("<n>", _ID.sub("<id>", text))


def place(traceback: str) -> str:
    """The last of our own frames in a traceback, without its folder, which is each machine's own; or nothing."""
    ours = [(file, function) for file, function in _FRAME.findall(traceback) if not _FOREIGN.search(file)]
    if not ours:
        return ""
    file, function = ours[-1]
    return f"{PurePath(file).name} {function}"
