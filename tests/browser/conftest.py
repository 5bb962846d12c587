"""A real browser, and pages in it that may neither complain nor ask the network."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Error, Page, expect, sync_playwright

SLOW_MILLISECONDS = 300_000
"""How long a busy machine may take over anything; a test that passes never waits for it."""
expect.set_options(timeout=SLOW_MILLISECONDS)

OpenPage = Callable[[Path], AbstractContextManager[Page]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        try:
            opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"no Chromium to open the page in: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Browser) -> OpenPage:
    """Return a function that opens a file. At the end, consoles, errors, dialogs and requests must have been silent."""

    @contextmanager
    def open_it(path: Path) -> Iterator[Page]:
        complaints: list[str] = []
        requests: list[str] = []

        def complain(dialog: Dialog) -> None:
            complaints.append(dialog.message)
            dialog.dismiss()

        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(SLOW_MILLISECONDS)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", complain)
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        yield page
        assert complaints == []
        assert requests == [path.as_uri()]
        page.close()

    return open_it
