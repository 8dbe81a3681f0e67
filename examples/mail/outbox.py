"""The shop's own database: its customers, what has been sent to them, and how much that is.

A real shop would call its mail server in `send`.
"""

import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final, TypedDict

TABLES: Final = """
CREATE TABLE IF NOT EXISTS customers (name PRIMARY KEY, address NOT NULL);
CREATE TABLE IF NOT EXISTS sent (id PRIMARY KEY, address NOT NULL, text NOT NULL);
CREATE TABLE IF NOT EXISTS counted (id PRIMARY KEY, customer NOT NULL);
INSERT OR IGNORE INTO customers VALUES ('Ada', 'ada@example.org'), ('Grace', 'grace@example.org');
"""


class Mail(TypedDict):
    """To whom, and what."""

    customer: str
    text: str


class NoAddress(LookupError):
    """The shop does not know where a customer lives."""


def create() -> None:
    """Make the tables, and the first customers."""
    with closing(_connect()) as database:
        database.executescript(TABLES)


def add_customer(name: str, address: str) -> None:
    """Keep a customer's address."""
    _execute("INSERT OR REPLACE INTO customers VALUES (?, ?)", name, address)


def address_of(customer: str) -> str | None:
    """A customer's address, where it is known."""
    found = _execute("SELECT address FROM customers WHERE name = ?", customer)
    return found[0][0] if found else None


def send(mail_id: str, mail: Mail) -> None:
    """Send a mail once.

    Raises:
        NoAddress: the customer has none.
    """
    address = address_of(mail["customer"])
    if address is None:
        raise NoAddress(f"{mail['customer']} has no address")
    _execute("INSERT OR IGNORE INTO sent VALUES (?, ?, ?)", mail_id, address, mail["text"])


def count(customers: Mapping[str, str]) -> None:
    """Count mails once each: their customers by an id."""
    with closing(_connect()) as database:
        database.executemany("INSERT OR IGNORE INTO counted VALUES (?, ?)", customers.items())
        database.commit()


def counts() -> dict[str, int]:
    """How many mails each customer has got."""
    return dict(_execute("SELECT customer, count(*) FROM counted GROUP BY customer"))


def _connect() -> sqlite3.Connection:
    return sqlite3.connect("shop.db")


def _execute(statement: str, *values: str) -> list[Any]:
    with closing(_connect()) as database:
        rows = database.execute(statement, values).fetchall()
        database.commit()
        return rows


if __name__ == "__main__":
    add_customer(*sys.argv[1:])
