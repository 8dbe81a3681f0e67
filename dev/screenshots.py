"""Take the documentation's screenshots of the workbench and of Flower: `python -m dev.screenshots`.

`make up` has to run, and `make demo` to have run. It sends some poison messages and edits one dead order, so that
there is something to show.
"""

import json
import re
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from celery_sqs import boto3_client
from config.settings import Settings
from dev.local import local_settings, web_url
from tasks.application import endpoint
from tests.chromium import OPTIONS

FOLDER: Final = Path("docs/images")

WIDE: Final = ViewportSize(width=1280, height=860)
PHONE: Final = ViewportSize(width=375, height=780)

#: Seconds until a poison message has been received as often as the queue allows.
TIME_TO_DLQ: Final = 5.0

#: Milliseconds that a page may take.
PAGE_TIMEOUT: Final = 20_000


class Camera:
    """Signs in as the first operator and takes screenshots.

    Args:
        browser: Chromium.
        url: the running service.
        operator: name and password.
    """

    def __init__(self, browser: Browser, url: str, operator: tuple[str, str]) -> None:
        self._browser = browser
        self._url = f"{url}/monitor"
        self._name, self._password = operator

    @contextmanager
    def page(self, viewport: ViewportSize, scheme: str = "light") -> Iterator[Page]:
        """A page of the workbench, signed in."""
        context = self._browser.new_context(
            viewport=viewport, color_scheme="dark" if scheme == "dark" else "light", device_scale_factor=1
        )
        page = context.new_page()
        page.set_default_timeout(PAGE_TIMEOUT)
        page.goto(f"{self._url}/login")
        page.fill("#name", self._name)
        page.fill("#password", self._password)
        page.click("main button")
        page.wait_for_url(f"{self._url}/")
        yield page
        context.close()

    def open(self, page: Page, path: str) -> None:
        """Go to a page."""
        page.goto(self._url + path)

    def shoot(self, page: Page, name: str, *, whole: bool = True) -> None:
        """Take a screenshot of a whole page, or of what is visible without scrolling."""
        page.mouse.move(0, 0)
        page.screenshot(path=FOLDER / f"{name}.png", full_page=whole)
        click.echo(FOLDER / f"{name}.png")


@click.command()
def main() -> None:
    """Take all screenshots."""
    settings = local_settings("python -m dev.screenshots")
    program = shutil.which("chromium")
    if program is None or not settings.operators:
        sys.exit("python -m dev.screenshots: this needs Chromium and an operator in OPERATORS")
    FOLDER.mkdir(parents=True, exist_ok=True)
    _send_poison(settings)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        camera = Camera(browser, web_url(settings), next(iter(settings.operators.items())))
        with camera.page(WIDE) as page:
            _repair(camera, page)
        with camera.page(WIDE) as page:
            camera.shoot(page, "overview")
            camera.open(page, "/queues")
            camera.shoot(page, "queues")
        with camera.page(WIDE, "dark") as page:
            camera.shoot(page, "overview-dark")
        with camera.page(PHONE) as page:
            camera.shoot(page, "overview-phone", whole=False)
            camera.open(page, "/dlq")
            camera.shoot(page, "dlq-phone", whole=False)
        _shoot_flower(browser, settings)
        browser.close()


def _shoot_flower(browser: Browser, settings: Settings) -> None:
    name, password = next(iter(settings.operators.items()))
    context = browser.new_context(viewport=WIDE, http_credentials={"username": name, "password": password})
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{settings.flower_port}/tasks")
    expect(page.locator("tbody")).to_contain_text("persist_order", timeout=PAGE_TIMEOUT)
    page.screenshot(path=FOLDER / "flower.png")
    context.close()


def _send_poison(settings: Settings) -> None:
    """Send messages that no worker can read, and an order straight to the DLQ."""
    sqs = boto3_client(endpoint(settings))
    for number in range(3):
        sqs.send_message(QueueUrl=settings.sqs_queue_url, MessageBody=f"product=Widget;quantity={number + 1}")
    if settings.sqs_dlq_url:
        sqs.send_message(QueueUrl=settings.sqs_dlq_url, MessageBody=json.dumps({"orderId": str(uuid.uuid4())}))
    time.sleep(TIME_TO_DLQ)


def _repair(camera: Camera, page: Page) -> None:
    """From the DLQ to the row, with a screenshot of each step."""
    camera.open(page, "/dlq")
    page.click("text=Scan the queue now")
    expect(page.locator("#banners")).to_contain_text("Scanned the queue")
    camera.open(page, "/dlq")
    camera.shoot(page, "dlq")
    page.locator("tbody a").first.click()
    group = page.url
    page.locator("tbody a").first.click()
    camera.shoot(page, "message")
    page.click("text=Edit")
    page.fill("textarea", re.sub(r'"quantity": 0', '"quantity": 2', page.input_value("textarea")))
    page.click("text=Check and compare")
    page.fill("#reason", "The customer ordered two, says the shop's log")
    camera.shoot(page, "edit")
    page.click("text=Send the new message")
    expect(page.locator("#state")).to_have_text("done")
    camera.shoot(page, "repair")
    page.locator("#items a[href*='/orders/']").first.click()
    camera.shoot(page, "order")
    page.goto(group)
    page.click("text=Redrive")
    camera.shoot(page, "redrive")


if __name__ == "__main__":
    main()
