"""Each option that kombu's SQS transport reads is honoured or refused, and the README says which."""

import ast
import inspect
import re

import kombu.connection
from kombu.transport.SQS import SNS, Channel
from kombu.transport.virtual import base

from celery_sqs.kombu_options import HONOURED, OF_CONNECTION, OF_QUEUE, REFUSED, REFUSED_OF_QUEUE
from tests.processes import ROOT

SQS = inspect.getmodule(Channel)

#: What kombu calls the options, and a queue of `predefined_queues`, where it reads them.
OPTIONS = {"transport_options", "transport_opts", "topts"}
QUEUE = {"q", "queue_config"}


def read_of(names, *modules):
    """The constants that these modules ask such an object for: `x.get("name")`, `x["name"]`, `"name" in x`."""
    found = set()
    for node in (node for module in modules for node in ast.walk(ast.parse(inspect.getsource(module)))):
        match node:
            case ast.Call(func=ast.Attribute(value=read, attr="get"), args=[ast.Constant(name), *_]):
                pass
            case ast.Subscript(value=read, slice=ast.Constant(name)):
                pass
            case ast.Compare(left=ast.Constant(name), ops=[ast.In()], comparators=[read]):
                pass
            case _:
                continue
        if getattr(read, "attr", getattr(read, "id", "")) in names:
            found.add(name)
    return found


def test_kombus_sqs_transport_reads_no_option_that_is_neither_honoured_nor_refused():
    read = read_of(OPTIONS, SQS, SNS, base) | set(Channel.from_transport_options)
    assert read == HONOURED | set(REFUSED)


def test_kombus_connection_reads_no_option_that_is_not_handed_to_it():
    assert read_of(OPTIONS, kombu.connection) == OF_CONNECTION


def test_kombu_reads_no_key_of_a_predefined_queue_that_is_neither_honoured_nor_refused():
    documented = {"session_token"}  # kombu's documentation has it, its code does not read it
    assert read_of(QUEUE, SQS) | documented == OF_QUEUE | set(REFUSED_OF_QUEUE)


def test_the_readme_lists_each_option():
    _, _, section = (ROOT / "celery_sqs" / "README.md").read_text().partition("\n## Coming from kombu's SQS\n")
    rows = re.findall(r"^ *\| (.*?`.*?) \| (honoured|refused) \|", section.partition("\n## ")[0], re.MULTILINE)
    listed = {name: verdict for names, verdict in rows for name in re.findall(r"`([\w-]+)`", names)}
    honoured = {"broker_url"} | HONOURED | OF_CONNECTION | (OF_QUEUE - {"url"})
    refused = set(REFUSED) | set(REFUSED_OF_QUEUE)
    assert listed == dict.fromkeys(honoured, "honoured") | dict.fromkeys(refused, "refused")
