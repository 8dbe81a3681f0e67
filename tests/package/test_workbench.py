"""The workbench, installed alone: its pages, its style sheet and its commands are in the distribution."""

import pytest

from tests.package.conftest import run

pytestmark = [pytest.mark.package, pytest.mark.timeout(300)]

SHOP = """
from celery import Celery
import celery_sqs

app = Celery("shop")
celery_sqs.setup(
    app, queues={"mail": "http://127.0.0.1:1/000000000000/mail"}, region="us-east-1", access_key=("test", "test"),
    monitor_database="sqlite:///shop.db",
)
"""

PAGES = """
from celery_sqs.workbench import create_app
from shop import app
http = create_app(app, "a secret", who=lambda: "ada").test_client()
for page in ("/", "/tasks", "/queues", "/dlq", "/repairs", "/static/style.css", "/static/monitor.js"):
    print(page, http.get(page).status_code)
"""


@pytest.mark.parametrize("resolution", ["highest", "lowest-direct"])
def test_its_pages_and_commands_are_there(install, tmp_path, resolution):
    programs = install("workbench", resolution)
    (tmp_path / "shop.py").write_text(SHOP)
    environment = {"PATH": f"{programs}:/usr/bin:/bin"}
    celery = [programs / "celery", "-A", "shop", "sqs"]
    assert run([*celery, "monitor", "upgrade"], tmp_path, environment) == "tables: created\n"
    assert run([*celery, "monitor", "upgrade"], tmp_path, environment) == "tables: at revision 0002\n"
    answers = run([programs / "python", "-c", PAGES], tmp_path, environment).split()
    assert set(answers[1::2]) == {"200"}, answers
    assert run([*celery, "dlq", "log", "--json"], tmp_path, environment) == "[]\n"
    assert "--operators" in run([*celery, "workbench", "--help"], tmp_path, environment)
