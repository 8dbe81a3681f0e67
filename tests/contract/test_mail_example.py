"""examples/mail is small, and has Flower, workbench, DLQ commands and metrics for a handful of its lines."""

import ast
import re

from tests.processes import ROOT

EXAMPLE = ROOT / "examples" / "mail"

#: Lines for all of it, docstrings included.
MOST_LINES = 15

#: What goes away without it: in the call of `setup`, of a class, and as whole lines.
ARGUMENTS = {"monitor_database", "health_port"}
CLASSES = {"MailTask"}
WHOLE_LINES = {"up.py": r'"monitor", "upgrade"', "Procfile": r"^(workbench|flower):"}

#: Names of it in lines that others need, too.
NAMES = ("DryRun, ", "base=MailTask, ")

#: Nothing of it is left then. A queue has its DLQ anyhow.
WORDS = re.compile(r"workbench|flower|monitor|metrics|health|dry.?run|redrive|subject|\bdead\b", re.IGNORECASE)


def lines_of_it(name):
    """The numbers of a file's lines that are there for it."""
    text = (EXAMPLE / name).read_text()
    found = {
        number
        for number, line in enumerate(text.splitlines(), 1)
        if name in WHOLE_LINES and re.search(WHOLE_LINES[name], line)
    }
    for node in ast.walk(ast.parse(text)) if name.endswith(".py") else ():
        if (isinstance(node, ast.keyword) and node.arg in ARGUMENTS) or getattr(node, "name", None) in CLASSES:
            found |= set(range(node.lineno, node.end_lineno + 1))
    return {number for number in found if text.splitlines()[number - 1].strip()}


def without_names(line):
    for name in NAMES:
        line = line.replace(name, "")
    return line


def project():
    return sorted(path.name for path in EXAMPLE.iterdir() if path.is_file() and path.suffix != ".db")


def test_it_has_four_files_and_a_readme():
    assert project() == ["Procfile", "README.md", "outbox.py", "shop.py", "up.py"]


def test_what_the_framework_offers_to_operators_takes_fifteen_lines_of_it_at_most():
    counts = {name: len(lines_of_it(name)) for name in project() if name != "README.md"}
    assert sum(counts.values()) <= MOST_LINES, counts


def test_without_these_lines_nothing_of_it_is_left():
    left = []
    for name in set(project()) - {"README.md"}:
        text, gone = (EXAMPLE / name).read_text(), lines_of_it(name)
        lines = [line for number, line in enumerate(text.splitlines(), 1) if number not in gone]
        left += [f"{name}: {line}" for line in lines if WORDS.search(without_names(line))]
    assert left == []


def test_the_frameworks_readme_leads_to_it():
    assert "(../examples/mail/README.md)" in (ROOT / "celery_sqs" / "README.md").read_text()


def test_each_command_of_its_readme_names_what_is_there():
    readme = (EXAMPLE / "README.md").read_text()
    [shell] = re.findall(r"^```shell\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    called = set(re.findall(r"shop\.(\w+)\(", shell)) | set(re.findall(r"outbox\.(\w+)\(", shell))
    functions = {
        node.name
        for name in ("shop.py", "outbox.py")
        for node in ast.parse((EXAMPLE / name).read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    assert called
    assert called <= functions
