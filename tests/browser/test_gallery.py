"""The drawings of an image study in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from paretune.report import PageSources, write_page
from paretune.spec import Study
from tests.browser.conftest import OpenPage
from tests.report.test_gallery import image_record, kept

pytestmark = pytest.mark.browser

SHADES = {"base": 20, "lora": 60, "oft": 100}


@pytest.fixture
def page(open_page: OpenPage, tmp_path: Path) -> Iterator[Page]:
    records = [image_record("base", 0.4), image_record("lora", 0.7), image_record("oft", 0.6)]
    path = tmp_path / "index.html"
    study = Study.read({"name": "x", "methods": list(SHADES)}, "the test")
    sources = PageSources(pictures=lambda record: kept(SHADES[record.trial.method.label], "<b>zib</b>"))
    write_page(records, study, path, sources)
    with open_page(path) as opened:
        yield opened


def shown(page: Page) -> list[str]:
    """The methods whose drawings of the first caption are seen, from left to right."""
    cells = page.locator(".drawings").first.locator("[data-column]:visible").all()
    places = [(cell.bounding_box() or {"x": -1.0})["x"] for cell in cells]
    names = [cell.get_attribute("data-name") or "" for cell in cells]
    return [name for _, name in sorted(zip(places, names, strict=True))]


def test_two_methods_are_seen_side_by_side_and_any_two_can_be_chosen(page: Page) -> None:
    assert shown(page) == ["base", "lora"]
    left, right = page.get_by_label("Left"), page.get_by_label("Right")
    left.select_option("2")
    assert shown(page) == ["oft", "lora"]
    right.select_option("2")
    assert shown(page) == ["lora", "oft"], "the same method twice changes sides"
    assert (left.input_value(), right.input_value()) == ("1", "2")


def test_every_picture_is_there_and_captions_are_text(page: Page) -> None:
    assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth === 8)")
    assert page.locator(".drawings-caption").first.inner_text() == "<b>zib</b>"
    assert page.locator(".gallery img.tiny").count() == page.locator(".gallery img").count() > 10


@pytest.mark.parametrize("width", [360, 1600])
def test_drawings_fit_the_width(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
