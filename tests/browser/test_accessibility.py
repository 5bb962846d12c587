"""What axe-core finds of accessibility rules broken: nothing, whatever is open, light or dark, on a phone too."""

from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.pages import KEPT

pytestmark = pytest.mark.browser

PAGES = {
    "answers, curves and data": (KEPT / "classification-minilm" / "index.html", ""),
    "answers of one small study": (KEPT / "word-problems" / "index.html", "#group=family&columns=accuracy"),
    "published rows": (KEPT / "peft-comparison" / "peft-metamathqa.html", "#limit.checkpoint_bytes=50000000"),
    "pictures": (KEPT / "peft-comparison" / "peft-image-gen.html", ""),
}
SCREENS: dict[str, tuple[Literal["light", "dark"], int]] = {
    "light": ("light", 1280),
    "dark": ("dark", 1280),
    "phone": ("light", 390),
}


@pytest.mark.parametrize(
    ("name", "screen"),
    [*((name, "light") for name in PAGES), ("answers of one small study", "dark"), ("published rows", "phone")],
)
def test_no_rule_is_broken(open_page: OpenPage, name: str, screen: str) -> None:
    path, state = PAGES[name]
    scheme, width = SCREENS[screen]
    with open_page(path) as page:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("state => { location.hash = state; }", state)
        open_all(page)
        assert broken(page) == []


def open_all(page: Page) -> None:
    """Open the first row's details and whatever is folded."""
    page.locator("#results tbody button.name").first.click()
    page.locator("#results .detail > *").first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def broken(page: Page) -> list[str]:
    """Return the rules that are broken, each with the elements that break it."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']} ({rule['impact']}): {[node['target'] for node in rule['nodes']]}" for rule in found]


def test_what_breaks_a_rule_is_found(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text('<!doctype html><html lang="en"><title>x</title><main><h1>x</h1><img src="data:,"></main>')
    with open_page(path) as page:
        assert [rule.split(" ")[0] for rule in broken(page)] == ["image-alt"]
