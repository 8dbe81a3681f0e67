"""What a login may do, and what of it is beyond its limits, by what SHOW GRANTS says."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

#: Accounts that a login may come in by, and those without a name, whose rights to a database everybody has.
_ACCOUNTS: Final = text("SELECT user, host FROM mysql.user WHERE user IN (:user, '') AND is_role = 'N' ORDER BY 1, 2")
_SHOW: Final = text("SHOW GRANTS FOR :user@:host")
_SHOW_OF_ALL: Final = text("SHOW GRANTS FOR PUBLIC")  # MariaDB has it from 10.11; before, nobody is named so

_NOT_THERE: Final = 1141  # "There is no such grant defined for user ..."

#: Whoever can write the tables of this database gives itself any right.
_ALL_RIGHTS: Final = "mysql"

_NAME: Final = r"`(?:[^`]|``)*`"
_RIGHT: Final = rf"[A-Z ]+?(?: \({_NAME}(?:, {_NAME})*\))?"  # with its columns, where it has any
_WITH_RIGHTS: Final = re.compile(
    rf"GRANT (?P<rights>{_RIGHT}(?:, {_RIGHT})*) ON (?P<kind>(?:PROCEDURE|FUNCTION|PACKAGE|PACKAGE BODY) )?"
    rf"(?P<database>\*|{_NAME})\.(?P<table>\*|{_NAME}) TO (?P<account>{_NAME}@{_NAME}|PUBLIC)(?P<rest>.*)",
    re.DOTALL,
)
_AS_ANOTHER: Final = re.compile(
    rf"GRANT (?P<what>{_NAME}|PROXY ON \S+) TO (?P<account>{_NAME}@{_NAME}|PUBLIC)(?P<rest>.*)", re.DOTALL
)
_DEFAULT_ROLE: Final = "SET DEFAULT ROLE "  # one of those that are granted, each with a line of its own

_ALL: Final = "ALL PRIVILEGES"
_NONE: Final = "USAGE"
_OPTION: Final = "GRANT OPTION"


@dataclass(frozen=True)
class Grant:
    """What one line of SHOW GRANTS gives to an account.

    Attributes:
        account: who has it, quoted.
        rights: each, with its columns where it has any; a role or PROXY is one, too.
        on: what they are for, as in a statement; empty for a role and PROXY.
        database: its name or a pattern; `*`: all of them.
        table: its name; `*`: all of them; empty for a procedure.
    """

    account: str
    rights: tuple[str, ...]
    on: str = ""
    database: str = "*"
    table: str = ""

    @classmethod
    def parsed(cls, line: str) -> Self:
        """What a line gives.

        Raises:
            ValueError: it is not understood. The message has no hash of a password.
        """
        if found := _WITH_RIGHTS.fullmatch(line):
            rights = (*re.findall(rf"({_RIGHT})(?:, |$)", found["rights"]), *_option(found["rest"]))
            kind, database, table = found["kind"] or "", found["database"], found["table"]
            return cls(
                found["account"],
                rights,
                f" ON {kind}{database}.{table}",
                _bare(database),
                "" if kind else _bare(table),
            )
        if found := _AS_ANOTHER.fullmatch(line):
            return cls(found["account"], (found["what"],))
        raise ValueError(f"MariaDB's {line.partition(' IDENTIFIED ')[0]!r} is not understood")

    def concerns(self, database: str) -> bool:
        """Whether a database is reached by it."""
        if self.rights == (_NONE,):
            return False
        is_pattern = self.table == "*" and self.database != "*"
        names = _matcher(self.database) if is_pattern else re.compile(re.escape(self.database))
        return self.database == "*" or any(names.fullmatch(name) for name in (database, _ALL_RIGHTS))

    def beyond(self, tables: Mapping[str, str]) -> "Grant":
        """What is not among the rights to the tables, as far as one statement can revoke it."""
        within = {_NONE, *tables.get(self.table, "").split(", ")}
        rights = tuple(right for right in self.rights if right.partition(" (")[0] not in within)
        if _ALL in rights:  # stands alone
            rights = (_ALL,)
        return Grant(self.account, rights, self.on, self.database, self.table)

    def has_all_of(self, rights: str) -> bool:
        """Whether these are among its rights to all tables."""
        return self.table == "*" and (_ALL in self.rights or set(rights.split(", ")) <= set(self.rights))

    def __str__(self) -> str:
        """As it stands behind GRANT and REVOKE."""
        return f"{', '.join(self.rights)}{self.on}"


def grants_of(connection: Connection, user: str, database: str) -> Iterator[Grant]:
    """What gives a login rights to a database, by each account that it may come in by.

    Raises:
        ValueError: what the server says is not understood.
    """
    accounts = [{"user": name, "host": host} for name, host in connection.execute(_ACCOUNTS, {"user": user})]
    for statement, account in (*((_SHOW, each) for each in accounts), (_SHOW_OF_ALL, {})):
        try:
            lines = connection.execute(statement, account).scalars().all()
        except DBAPIError as error:
            if getattr(error.orig, "args", (0,))[0] != _NOT_THERE:
                raise
            continue
        grants = (Grant.parsed(line) for line in lines if not line.startswith(_DEFAULT_ROLE))
        yield from (grant for grant in grants if grant.concerns(database))


def _option(rest: str) -> tuple[str, ...]:
    return (_OPTION,) if f" WITH {_OPTION}" in rest else ()


def _bare(quoted: str) -> str:
    return quoted[1:-1].replace("``", "`") if quoted.startswith("`") else quoted


def _matcher(pattern: str) -> re.Pattern[str]:
    r"""A database's name as GRANT on all of its tables has it: `_` and `%` are any characters but behind a `\`."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    any_of = {"%": ".*", "_": "."}
    return re.compile("".join(any_of.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL | re.IGNORECASE)
