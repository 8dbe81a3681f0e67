"""Dashboard and alerts ask for what the processes export, and every alert is explained."""

import json
import re
from datetime import UTC, datetime

import promql_parser
import pytest
import yaml
from prometheus_client import Counter, Histogram

from app import metrics as of_web
from app.backlog import Backlog
from celery_sqs import QueueNumbers, QueuePair
from celery_sqs import metrics as of_sqs
from celery_sqs.consume.heartbeat import Heartbeat
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.retention.ages import LONGEST_PAUSE, OLD
from celery_sqs.dependencies import Recent
from celery_sqs.dlq import QueueGauges
from celery_sqs.monitor import metrics as of_tasks
from celery_sqs.worker.health import Health
from config.queues import ORDER_QUEUE
from tests.processes import ROOT
from tests.unit.test_worker_health import Polling

FOLDER = ROOT / "monitoring"
OPERATING = ROOT / "docs" / "operating.md"
DASHBOARD = json.loads((FOLDER / "grafana" / "order-intake.json").read_text())
SCRAPED = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
RULES = [
    rule
    for file in SCRAPED["rule_files"]
    for group in yaml.safe_load((FOLDER / file).read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES}
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"] if panel["type"] != "row"}
JOBS = {job["job_name"] for job in SCRAPED["scrape_configs"]}

EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=name) for name, rule in ALERTS.items()),
    *(
        pytest.param(target["expr"], id=f"{title} {target['refId']}")
        for title, panel in PANELS.items()
        for target in panel["targets"]
    ),
]

#: What Prometheus adds to all that it scrapes.
ADDED = {"job", "instance"}

#: Each value that such a label may have; other labels' values are not ours to say.
VALUES = {
    "state": {"visible", "hidden", "delayed"},
    "reason": {
        *("invalid", "key_reused", "unauthorised", "keys_unavailable", "not_confirmed", "failed"),
        *("returned", "stop", "redriven", "old", "pause"),
    },
    "outcome": {of_sqs.OK, of_sqs.REFUSED, of_sqs.FAILED, *of_tasks.OUTCOMES},
    "task": {"persist_order", of_tasks.UNKNOWN},
    "job": JOBS,
}


def exported():
    """The labels of every sample that the processes may export, by its name."""
    numbers = QueueNumbers("q", "http://q/0/q", 1, 1, 1, ())
    backlog = Backlog(Recent(lambda: None, 5), Recent(lambda: 0, 5))
    scans = Recent(lambda: {"q": datetime.now(UTC)}, 5)
    queues = QueueGauges({"q": Recent(lambda: QueuePair(numbers, numbers), 5)}, scans)
    report = Health(InFlight(), {"q": Polling()}, Heartbeat(), 0).report() | {"paused": {"q": False}}
    samples = {"up": set(), "process_resident_memory_bytes": set()}
    for collector in (backlog, queues, of_sqs.HealthGauges(lambda: report)):
        for family in collector.collect():
            samples |= {sample.name: set(sample.labels) for sample in family.samples}
    for module in (of_web, of_sqs, of_tasks):
        for metric in vars(module).values():
            if isinstance(metric, Counter | Histogram):
                samples |= dict(_samples_of(metric))
    return samples


def _samples_of(metric):
    [family] = metric.describe()
    labels = set(metric._labelnames)
    if family.type == "counter":
        yield f"{family.name}_total", labels
    else:
        yield f"{family.name}_bucket", labels | {"le"}
        yield f"{family.name}_count", labels
        yield f"{family.name}_sum", labels


def parts(node):
    """A parsed expression and all that it consists of."""
    yield node
    for name in ("lhs", "rhs", "expr", "args", "vector_selector", "param"):
        below = getattr(node, name, None)
        for each in below if isinstance(below, list) else [below]:
            if each is not None:
                yield from parts(each)


def selectors(expression):
    """The parts that name a metric."""
    return [part for part in parts(parsed(expression)) if isinstance(part, promql_parser.VectorSelector)]


def parsed(expression):
    return promql_parser.parse(expression.replace("$__rate_interval", "5m").strip())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_is_told(expression):
    labels = exported()
    assert selectors(expression)
    for selector in selectors(expression):
        assert selector.name in labels, f"nobody exports {selector.name}"
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels[selector.name] | ADDED, f"{selector.name} has no label {matcher.name}"
            strange = set(matcher.value.split("|")) - VALUES[matcher.name]
            assert not strange, f"{matcher.name} is never {strange}"


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_groups_by_labels_that_are_there(expression):
    for part in parts(parsed(expression)):
        if isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None:
            labels = [
                exported()[selector.name] | ADDED
                for selector in parts(part.expr)
                if isinstance(selector, promql_parser.VectorSelector)
            ]
            assert set(part.modifier.labels) <= set.intersection(*labels)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_counter_is_asked_for_its_rate(expression):
    # Itself it says how long a process has run, and nothing else.
    rates = [part for part in parts(parsed(expression)) if isinstance(part, promql_parser.Call)]
    rated = {
        part.name
        for call in rates
        if call.func.name in {"rate", "increase"}
        for part in parts(call)
        if isinstance(part, promql_parser.VectorSelector)
    }
    counters = re.compile(r".*_(total|bucket|count|sum)")
    assert {selector.name for selector in selectors(expression) if counters.fullmatch(selector.name)} == rated


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_what_it_is(name):
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert all(rule["annotations"].values())


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_names_labels_that_its_expression_leaves(name):
    annotations = " ".join(ALERTS[name]["annotations"].values())
    named = set(re.findall(r"\$labels\.(\w+)", annotations))
    grouped = {label for part in parts(parsed(ALERTS[name]["expr"])) for label in _labels(part)}
    assert named <= grouped


def _labels(part):
    is_grouped = isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None
    return part.modifier.labels if is_grouped else []


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_leads_to_what_to_do(name):
    file, _, anchor = ALERTS[name]["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^### (\w+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert name in headings, f"{file} does not say what to do about {name}"
    assert anchor == name.lower()


def test_an_order_that_nobody_renews_is_alerted_to_when_all_that_is_renewed_would_be():
    assert ORDER_QUEUE.retention * (OLD + LONGEST_PAUSE) == 54_000
    assert "> 54000\n" in ALERTS["OldestOrderExpires"]["expr"]
    assert ORDER_QUEUE.retention * LONGEST_PAUSE < 4 * 60 * 60
    assert "[4h]" in ALERTS["OldestOrderExpires"]["expr"]


@pytest.mark.parametrize("name", ["OldestOrderTooOld", "TimeToPersistHigh"])
def test_a_pause_explains_an_alert_while_it_lasts_and_until_its_backlog_is_done(name):
    silenced = parsed(ALERTS[name]["expr"])
    assert str(silenced.op) == "unless"
    assert {part.name for part in parts(silenced.rhs) if isinstance(part, promql_parser.VectorSelector)} == {
        "sqs_queue_paused"
    }


def test_only_alerts_that_there_are_are_explained():
    [section] = re.findall(r"^## Alerts$.*?(?=^## |\Z)", OPERATING.read_text(), re.MULTILINE | re.DOTALL)
    assert re.findall(r"^### (\w+)$", section, re.MULTILINE) == list(ALERTS)


def test_every_metric_is_shown_or_watched():
    asked = {selector.name for expression in EXPRESSIONS for selector in selectors(expression.values[0])}
    forgotten = {_metric(name) for name in exported()} - {_metric(name) for name in asked}
    assert not forgotten


def _metric(sample):
    return re.sub(r"_(bucket|count|sum)$", "", sample)


def test_the_dashboard_can_be_imported_anywhere():
    [variable] = DASHBOARD["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    used = {json.dumps(part["datasource"]) for panel in PANELS.values() for part in (panel, *panel["targets"])}
    assert used == {json.dumps({"type": "prometheus", "uid": f"${{{variable['name']}}}"})}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert "id" not in DASHBOARD


def test_no_two_panels_lie_upon_each_other():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_there_is_something_to_look_at():
    assert len(ALERTS) == len(RULES) >= 8
    assert len(PANELS) >= 15
