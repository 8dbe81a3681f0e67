"""The page that describes the API, in a browser that keeps to its Content-Security-Policy."""

import threading

import pytest
from werkzeug.serving import make_server

from app import create_app
from tests.chromium import chromium
from tests.conftest import make_settings

pytestmark = pytest.mark.long


@pytest.fixture
def url():
    server = make_server("127.0.0.1", 0, create_app(make_settings()), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_operations_are_shown_and_nothing_is_refused_by_the_policy(url):
    with chromium() as browser:
        page, said = browser.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{url}/api/docs")
        page.locator(".opblock-summary").first.click()
        page.wait_for_selector(".opblock-body .responses-table")
        assert [text for text in said if "Content Security Policy" in text] == []
