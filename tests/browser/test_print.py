"""The page in print: nothing is wider than the paper, and colours that mean something are printed, in light ones."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from paretune.cli.studies import write_study_page
from tests.browser.conftest import OpenPage
from tests.browser.pages import KEPT

pytestmark = pytest.mark.browser

MARGIN_MILLIMETRES = 11
PIXELS_PER_MILLIMETRE = 96 / 25.4
PRINTED_PIXELS = int((297 - 2 * MARGIN_MILLIMETRES) * PIXELS_PER_MILLIMETRE)
"""The width between the margins of A4 on its side."""

TOO_WIDE = """(width) => [...document.querySelectorAll("main *, header *, footer *")]
  .filter((one) => one.getClientRects().length > 0 && !one.closest(".heard"))
  .map((one) => [`${one.tagName} ${one.getAttribute("class")}`, one.getBoundingClientRect().right])
  .filter(([, right]) => right > width + 0.5)"""
BACKGROUNDS = """() => [...document.querySelectorAll("*")].flatMap((one) => {
  const { backgroundColor, printColorAdjust, visibility } = getComputedStyle(one);
  const { width, height } = one.getBoundingClientRect();
  const isPlain = ["rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"].includes(backgroundColor);
  if (isPlain || visibility === "hidden" || width * height === 0) return [];
  return [{ name: one.tagName, of: one.parentElement.className, backgroundColor, printColorAdjust }];
})"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study_page(KEPT / "word-problems", tmp_path_factory.mktemp("print") / "page.html", None)


def prepare(page: Page) -> None:
    """Draw what the screen shows, a limit and a row's details too, in a dark theme, and then as on paper."""
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("#chart[data-drawn] svg")
    page.get_by_label("Training memory at most", exact=True).fill("1.5")
    page.locator("#results tbody button.name").first.click()
    page.locator("#results .detail > *").first.wait_for()
    page.wait_for_selector("#lines svg")
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": PRINTED_PIXELS, "height": 700})


def test_nothing_is_wider_than_the_paper(open_page: OpenPage, written: Path) -> None:
    with open_page(written) as page:
        prepare(page)
        assert page.evaluate(TOO_WIDE, PRINTED_PIXELS) == []
        for name in ("#results", "#lines svg", "#chart svg", "#differences"):
            assert page.locator(name).bounding_box() is not None, "it is on the paper"
        page.add_style_tag(content="#lines svg { max-width: none !important; width: 1400px; }")
        assert page.evaluate(TOO_WIDE, PRINTED_PIXELS), "what is too wide is found"


def test_the_paper_is_on_its_side(open_page: OpenPage, written: Path) -> None:
    with open_page(written) as page:
        page.wait_for_selector("#chart[data-drawn] svg")
        boxes = re.findall(rb"/MediaBox \[([\d. ]+)\]", page.pdf(format="A4"))
        assert boxes
        assert {tuple(round(float(one)) for one in box.split()) for box in boxes} == {(0, 0, 843, 596)}


def test_colours_with_a_meaning_are_printed_and_light(open_page: OpenPage, written: Path) -> None:
    with open_page(written) as page:
        prepare(page)
        found: list[dict[str, Any]] = page.evaluate(BACKGROUNDS)
        assert {"bar", "effect"} <= {one["of"] for one in found}, "intervals of the table and of the differences"
        assert [one for one in found if one["printColorAdjust"] != "exact"] == []
        accent = "rgb(11, 110, 120)"
        assert {one["backgroundColor"] for one in found if one["of"] == "bar"} == {accent}
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        point = page.locator("#chart svg .mark-symbol path").last
        assert point.evaluate("one => getComputedStyle(one).fill") == accent, "drawn in the dark, printed in light"


def test_what_is_only_for_use_is_left_out_and_limits_that_are_set_stay(open_page: OpenPage, written: Path) -> None:
    with open_page(written) as page:
        prepare(page)
        shown = page.locator("input:visible, select:visible, button:visible")
        names = [one.evaluate("one => one.id || one.closest('table')?.id") for one in shown.all()]
        assert set(names) == {"limit-train_peak_bytes", "results"}
        assert page.locator("#row-count").is_visible()
