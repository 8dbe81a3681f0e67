"""examples/mail as its README says: started by one command, a mail dies, and is dry-run, redriven and confirmed."""

import re
import sys
from types import SimpleNamespace

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.site import Visitor
from tests.chromium import chromium
from tests.polling import poll
from tests.processes import BIN, Process, free_port

pytestmark = pytest.mark.long

START = 90  # seconds
RUN = 60  # seconds that a call may take, with all before it


@pytest.fixture(scope="module")
def shop(copy_of_the_example, tmp_path_factory):
    """The running project: its folder, environment and ports."""
    folder = copy_of_the_example(tmp_path_factory.mktemp("shop"))
    ports = {name: free_port() for name in ("HEALTH_PORT", "WORKBENCH_PORT", "METRICS_PORT", "FLOWER_PORT")}
    environment = {name: str(port) for name, port in ports.items()}
    environment |= {"SQS_ENDPOINT": f"http://127.0.0.1:{free_port()}", "PATH": f"{BIN}:/usr/bin:/bin"}
    up = Process([sys.executable, "up.py"], folder / "up.log", environment, folder)
    for sign in ("sign in as operator with", "Visit me at", "ready."):
        poll(lambda sign=sign: up.says(sign), START, sign)
    yield SimpleNamespace(
        folder=folder,
        environment=environment,
        workbench=f"http://127.0.0.1:{ports['WORKBENCH_PORT']}",
        flower=f"http://127.0.0.1:{ports['FLOWER_PORT']}",
        metrics=[f"http://127.0.0.1:{ports[name]}/metrics" for name in ("HEALTH_PORT", "METRICS_PORT")],
        password=re.search(r"sign in as operator with (\S+)", up.output)[1],
        up=up,
    )
    up.stop()


@pytest.fixture(scope="module")
def operator(shop):
    """An operator who has signed in; at the end the browser may have complained of nothing."""
    with chromium() as browser:
        visitor = Visitor(browser.new_context(viewport={"width": 1280, "height": 800}), shop)
        visitor.open("/login")
        visitor.sign_in("operator", shop.password)
        visitor.page.wait_for_url(f"{shop.workbench}/")
        yield visitor
        assert visitor.troubles == []


def run(shop, *command):
    """What a command prints, in the project's folder."""
    process = Process([BIN / command[0], *command[1:]], shop.folder / "command.log", shop.environment, shop.folder)
    code, printed = process.wait(RUN), process.output
    (shop.folder / "command.log").unlink()
    assert code == 0, printed
    return printed


def python(shop, code):
    return run(shop, "python", "-c", f"import outbox, shop; {code}")


@pytest.fixture(scope="module")
def dead_mail(shop, operator):
    """Both welcomes: Ada's has come, and Linus's is dead and scanned."""
    python(shop, "shop.welcome('Ada'); shop.welcome('Linus')")
    poll(lambda: "'Ada': 1" in python(shop, "print(outbox.counts())"), RUN, "Ada's mail is counted")
    poll(lambda: 'sqs_dlq_messages{queue="mail",state="visible"} 1.0' in metrics(shop), RUN, "Linus's mail is dead")
    operator.open("/dlq")
    operator.page.click("text=Scan the queues now")
    expect(operator.page.locator("main")).to_contain_text("1 message is in there", timeout=RUN * 1000)


def metrics(shop):
    return "".join(requests.get(url, timeout=10).text for url in shop.metrics)


@pytest.mark.usefixtures("dead_mail")
class TestOneCommand:
    def test_both_queues_are_listed(self, operator):
        page = operator.open("/")
        for name in ("mail", "reports"):
            expect(page.locator("#queues th[scope=row]", has_text=name)).to_be_visible()
        page = operator.open("/queues?queue=reports")
        expect(page.locator("main")).to_contain_text("reports-dlq")

    def test_flower_shows_the_tasks_of_both_queues(self, operator, shop):
        page = operator.page
        page.goto(f"{shop.flower}/tasks")
        for task, state in [("shop.send", "FAILURE"), ("shop.send", "SUCCESS"), ("shop.report", "SUCCESS")]:
            row = page.locator("#tasks-table tbody tr", has_text=task).filter(has_text=state)
            expect(row.first).to_be_visible(timeout=RUN * 1000)

    def test_worker_and_workbench_have_metrics(self, shop):
        assert 'task_attempts_total{outcome="permanent",task="shop.send"}' in metrics(shop)
        assert 'sqs_queue_up{queue="reports"} 1.0' in metrics(shop)

    def test_the_command_line_has_the_dead_mail(self, shop):
        assert "NoAddress: Linus has no address" in run(shop, "celery", "-A", "shop", "sqs", "dlq", "ls")

    def test_a_dead_mail_is_dry_run_redriven_and_confirmed(self, operator, shop):
        page = operator.open("/dlq")
        page.click("text=NoAddress")
        expect(page.locator("main")).to_contain_text("Linus has no address")
        page.click("text=Dry run")
        expect(page.locator("main")).to_contain_text("0 of 1 would be accepted")
        run(shop, "python", "outbox.py", "Linus", "linus@example.org")
        page.reload()
        expect(page.locator("main")).to_contain_text("1 of 1 would be accepted")
        expect(page.locator("main")).to_contain_text("linus@example.org")
        page.click("main .head .primary")
        page.fill("#reason", "Linus has an address now")
        page.click("main form .primary")
        expect(page.locator("#progress")).to_contain_text("confirmed by the task's success", timeout=RUN * 1000)
        expect(page.locator("#state")).to_have_text("done", timeout=RUN * 1000)
        poll(lambda: "'Linus': 1" in python(shop, "print(outbox.counts())"), RUN, "the rest of its chain has run")
