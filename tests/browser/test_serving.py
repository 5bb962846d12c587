"""A page that is served while its study runs, in a real browser."""

import threading
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from paretune.cli.serving import server_of
from paretune.store import Store
from tests.records import make_record, make_study

pytestmark = pytest.mark.browser


def test_the_page_shows_a_new_record_by_itself(browser: Browser, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep_study(make_study(methods=["lora", "oft"]))
    server = server_of(tmp_path, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    complaints: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(server.address)
        expect(page.get_by_text("No trial has ended yet")).to_be_visible()
        rows = page.locator("#results tbody tr")
        for number, label in enumerate(("lora", "oft"), start=1):
            store.append(make_record(label), items=None)
            expect(rows).to_have_count(number, timeout=600_000)
    finally:
        page.close()
        server.stop()
        thread.join()
    assert complaints == []
