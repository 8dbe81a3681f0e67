"""The real Flower beside a real worker on SQS: what it shows, what it refuses, and what it survives."""

import json
import os
import re
import signal

import pytest
from playwright.sync_api import expect

from tests.chromium import chromium
from tests.e2e.flower_site import OPERATOR, FlowerSite
from tests.polling import poll
from tests.processes import BIN, Process, free_port

pytestmark = pytest.mark.long

WORKER = "w1@here"


@pytest.fixture
def environment(environment):
    return environment | {"OPERATORS": ":".join(OPERATOR), "FLOWER_PORT": str(free_port())}


@pytest.fixture
def start_flower(environment, tmp_path):
    """A function that starts Flower and returns it once it answers."""
    started = []

    def start(*options):
        command = [BIN / "celery", "-A", "tasks", "flower", *options]
        started.append(Process(command, tmp_path / f"flower-{len(started)}.log", environment))
        site = FlowerSite(f"http://127.0.0.1:{environment['FLOWER_PORT']}", started[-1])
        poll(lambda: site.process.says("Visit me at") and site.answers(), 30, "Flower answers")
        return site

    yield start
    for process in started:
        process.kill()


def post_orders(client, *products):
    """Post an order for each product and wait until all are persisted or dead; returns their ids."""
    orders = [client.post(product=product) for product in products]
    poll(lambda: all(client.state(order) in {"persisted", "dead"} for order in orders), 20, "the orders are done")
    return orders


def task_of(site, text, state="SUCCESS"):
    """The one task whose arguments have a text, once it has got to a state."""
    [task] = poll(lambda: list(site.tasks(f"?search={text} state:{state}").values()), 15, f"Flower lists {text}")
    return task


def test_a_task_is_shown_with_all_that_is_known_of_it(client, start_worker, start_flower):
    start_worker("-c", "1", "-n", WORKER)
    site = start_flower()
    [order_id] = post_orders(client, "Anvil")
    task = task_of(site, order_id)
    assert (task["name"], task["worker"], task["retries"]) == ("persist_order", WORKER, 0)
    assert task["sent"] <= task["received"] + 1
    assert task["received"] <= task["started"] <= task["succeeded"]
    assert 0 < task["runtime"] < 10
    assert site.get(f"/task/{task['uuid']}").text.count(order_id) == 1


def test_a_worker_is_shown_with_what_it_does_and_has(client, start_worker, start_flower):
    start_worker("-c", "1", "-n", WORKER)
    site = start_flower()
    post_orders(client, "Anvil", "Bellows")
    poll(lambda: site.workers().get(WORKER, {}).get("task-succeeded") == 2, 15, "both tasks are counted")
    worker = site.workers()[WORKER]
    assert (worker["status"], worker["task-received"], worker["active"]) == (True, 2, 0)
    assert len(worker["loadavg"]) == 3
    assert WORKER in site.json("/api/workers?refresh=1")


def test_a_restart_loses_nothing(client, start_worker, start_flower):
    start_worker("-c", "1", "-n", WORKER)
    site = start_flower()
    [first] = post_orders(client, "Clamp")
    task_of(site, first)  # what Flower finds when it starts, it does not count
    orders = [first, *post_orders(client, "Anvil", "Bellows")]
    before = [task_of(site, order) for order in orders]
    counted = re.compile(r'^flower_events_total\{.*type="task-succeeded".* [23].0$', re.MULTILINE)
    assert counted.search(site.get("/metrics").text)
    site.process.kill()
    anew = start_flower()
    assert [task_of(anew, order) for order in orders] == before
    assert anew.workers()[WORKER]["task-succeeded"] == 3
    # What was long over when Flower started does not count as something that happens.
    assert not counted.search(anew.get("/metrics").text)


def test_names_that_a_stranger_makes_up_make_no_series_in_its_metrics(client, queues, start_worker, start_flower):
    start_worker("-c", "1", "-n", WORKER)
    site = start_flower()
    for number in range(3):
        send_call(queues, f"strange-{number}", {}, shadow=f"shadow-{number}")
        send_call(queues, "persist_order", {"no": "order"}, shadow=f"shadow-{number}")
    poll(lambda: len(queues.dead()) == 6, 30, "all are in the DLQ")
    [order_id] = post_orders(client, "Anvil")
    task_of(site, order_id)
    metrics = site.get("/metrics").text
    assert 'task="persist_order"' in metrics
    assert "strange" not in metrics
    assert "shadow" not in metrics


def send_call(queues, task, value, **headers):
    """Send a call of a task with an object, as this transport does it."""
    texts = {"celery_task": task, "celery_id": f"{task}-id", "celery_headers": json.dumps(headers)}
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
    queues.sqs.send_message(QueueUrl=queues.url, MessageBody=json.dumps(value), MessageAttributes=attributes)


def test_a_killed_worker_goes_offline_and_a_live_one_stays_online(start_worker, start_flower):
    start_worker("-c", "1", "-n", WORKER)
    victim = start_worker("-c", "1", "-n", "w2@here")
    site = start_flower()
    poll(lambda: site.is_online(WORKER) and site.is_online("w2@here"), 20, "both are online")
    victim.kill()
    seen = []

    def is_offline():
        seen.append(site.is_online(WORKER))
        return not site.is_online("w2@here")

    poll(is_offline, 30, "the killed one is offline")
    assert all(seen)
    assert "w2@here" in site.workers()


def test_both_queues_are_shown_as_sqs_counts_them(client, start_flower, queues):
    site = start_flower()
    for product in ("Anvil", "Bellows"):
        client.post(product=product)
    names = [url.rsplit("/", 1)[-1] for url in (queues.url, queues.dlq_url)]
    lengths = site.json("/api/queues/length")["active_queues"]
    assert [(queue["name"], queue["messages"], queue["messages_ready"]) for queue in lengths] == [
        (names[0], 2, 2),
        (names[1], 0, 0),
    ]


def test_only_operators_get_in_and_they_may_look_only(start_worker, start_flower):
    start_worker("-c", "1", "-n", WORKER)
    site = start_flower()
    poll(lambda: WORKER in site.json("/api/workers"), 20, "Flower knows the worker")
    for path in ("/", "/tasks", "/broker", f"/worker/{WORKER}", "/api/tasks", "/api/workers", "/api/queues/length"):
        assert site.get(path, auth=None).status_code == 401, path
        assert site.get(path, auth=(OPERATOR[0], "a-wrong-password")).status_code == 401, path
    assert site.post("/api/task/revoke/some-id").status_code == 403
    assert site.post(f"/api/worker/shutdown/{WORKER}").status_code == 403
    # Flower asks nobody for credentials here.
    assert site.get("/healthcheck", auth=None).ok
    assert site.get("/metrics", auth=None).ok


def test_what_cannot_be_done_is_never_answered_with_success(start_worker, start_flower):
    worker = start_worker("-c", "1", "-n", WORKER)
    site = start_flower("--read-only=false")
    poll(lambda: WORKER in site.json("/api/workers"), 20, "Flower knows the worker")
    answers = [
        site.post("/api/task/revoke/some-id", terminate="true"),
        site.post(f"/api/worker/shutdown/{WORKER}"),
        site.post(f"/api/worker/pool/grow/{WORKER}", n=1),
        site.post(f"/api/worker/queue/add-consumer/{WORKER}", queue="other"),
        site.post("/api/task/rate-limit/persist_order", workername=WORKER, ratelimit="1/s"),
    ]
    assert [answer.status_code for answer in answers if answer.status_code < 400] == []
    assert {answer.status_code for answer in answers} == {403}
    assert all("is not possible here" in answer.text and len(answer.text.splitlines()) == 1 for answer in answers)
    assert worker.returncode is None


def test_a_database_outage_is_survived(mariadb_server, client, start_worker, start_flower):
    start_worker("-c", "1", "-n", WORKER)
    site = start_flower()
    with mariadb_server.gone():
        poll(lambda: site.process.says("no updates of tasks and workers for now"), 30, "Flower sees the outage")
        assert site.get("/tasks").ok
    poll(lambda: site.process.says("updates of tasks and workers again"), 30, "and its end")
    [order_id] = post_orders(client, "Anvil")
    assert task_of(site, order_id)["worker"] == WORKER


def test_it_does_not_start_where_nobody_may_look(environment, tmp_path):
    command = [BIN / "celery", "-A", "tasks", "flower"]
    refused = Process(command, tmp_path / "flower.log", environment | {"OPERATORS": ""})
    assert refused.wait(30) == 1
    assert refused.output == "flower: OPERATORS names nobody who may look at it. Set it to NAME:PASSWORD,...\n"


def test_it_ends_on_sigterm(start_flower):
    site = start_flower()
    site.process.send(signal.SIGTERM)
    assert site.process.wait() == os.EX_OK
    assert "Traceback" not in site.process.output


class TestInABrowser:
    @pytest.fixture
    def page(self):
        with chromium() as browser:
            page = browser.new_page(http_credentials={"username": OPERATOR[0], "password": OPERATOR[1]})
            page.set_default_timeout(15_000)
            wrong = []
            page.on("pageerror", lambda error: wrong.append(str(error)))
            yield page
            assert wrong == []

    def test_a_task_is_found_in_the_list_and_opened(self, client, start_worker, start_flower, page):
        start_worker("-c", "1", "-n", WORKER)
        site = start_flower()
        hostile = "<script>document.title = 'owned'</script>"
        order_id, other_id = post_orders(client, hostile, "Bellows")
        task, _ = task_of(site, order_id), task_of(site, other_id)
        page.goto(f"{site.url}/tasks")
        rows = page.locator("#tasks-table tbody tr")
        expect(rows).to_have_count(2)
        page.locator("input[type=search]").fill(order_id)
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("SUCCESS")
        rows.get_by_role("link", name=task["uuid"]).click()
        page.wait_for_url(f"**/task/{task['uuid']}")
        expect(page.locator("#task-page")).to_contain_text(order_id)
        expect(page.locator("#task-page")).to_contain_text("<script>")
        assert page.title() != "owned"

    def test_the_workers_their_pages_and_the_queues_are_there(self, client, start_worker, start_flower, queues, page):
        start_worker("-c", "1", "-n", WORKER)
        site = start_flower()
        post_orders(client, "Anvil")
        page.goto(site.url)
        row = page.locator("#workers-table tbody tr")
        expect(row).to_contain_text(WORKER)
        expect(row).to_contain_text("Online")
        row.get_by_role("link", name=WORKER).click()
        expect(page.get_by_role("heading", name=WORKER)).to_be_visible()
        expect(page.locator("body")).to_contain_text("Max concurrency")
        page.goto(f"{site.url}/broker")
        for url in (queues.url, queues.dlq_url):
            expect(page.locator("#queue-table")).to_contain_text(url.rsplit("/", 1)[-1])
