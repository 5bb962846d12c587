"""The page in a real browser: sorting, choosing a cost, both widths, and silence on the network."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import FloatRect, Page, expect

from paretune.cli.studies import write_study_page
from paretune.report import write_page
from paretune.spec import MethodSpec
from tests.browser.conftest import OpenPage
from tests.records import make_record, make_records, make_study
from tests.report.page_content import page_data

pytestmark = pytest.mark.browser


@pytest.fixture
def page(open_page: OpenPage, tmp_path: Path) -> Iterator[Page]:
    other = make_record().trial.task.model_copy(update={"name": "other", "content_hash": "1"})
    evil = MethodSpec(name="x", label="<img src=x onerror=alert(1)>", implementation="peft")
    records = [*make_records(), make_record(method=evil, task=other), make_record("oft", task=other)]
    path = tmp_path / "index.html"
    write_page(records, make_study(), path)
    with open_page(path) as opened:
        opened.wait_for_selector("#chart[data-drawn] svg")
        yield opened


def methods(page: Page) -> list[str]:
    return [text.splitlines()[0] for text in page.locator("#results tbody tr:visible th").all_inner_texts()]


def heading(page: Page, name: str) -> str | None:
    return page.locator("#results thead th", has=page.get_by_role("button", name=name, exact=True)).get_attribute(
        "aria-sort"
    )


def test_sorting_by_mouse_and_keyboard_keeps_missing_values_last(page: Page) -> None:
    assert methods(page)[0] == "full"
    assert heading(page, "Accuracy") == "descending"
    page.get_by_role("button", name="Training memory").click()
    assert heading(page, "Training memory") == "ascending"
    assert heading(page, "Accuracy") is None
    assert methods(page)[:3] == ["ln-tuning", "ia3", "vera"]
    assert set(methods(page)[-3:]) == {"base", "base-few-shot", "boft"}
    page.keyboard.press("Enter")
    assert heading(page, "Training memory") == "descending"
    assert methods(page)[:3] == ["full", "dora", "oft"]
    assert set(methods(page)[-3:]) == {"base", "base-few-shot", "boft"}
    page.get_by_role("button", name="Method").click()
    assert methods(page) == sorted(methods(page))


def test_another_cost_redraws_chart_caption_and_marks(page: Page) -> None:

    def marked() -> set[str]:
        texts = page.locator("#results tbody tr:visible th").all_inner_texts()
        return {text.splitlines()[0] for text in texts if "◆" in text}

    assert marked() == {"full", "dora", "lora", "ia3", "ln-tuning"}
    assert any("≈ tied ◇ 36%" in text for text in page.locator("#results tbody tr:visible th").all_inner_texts())
    page.get_by_label("Horizontal axis").select_option("forgetting")
    page.wait_for_selector('#chart[data-drawn="forgetting"]')
    assert "Forgetting (nats per token) · less is better" in (page.locator("#chart svg").text_content() or "")
    assert "general text" in page.locator("#chart-caption").inner_text()
    assert "base-few-shot" in marked()
    # Two layers of symbols: a ring for each of the four that are tied for best, and a point for each of the nine.
    assert [layer.locator("path").count() for layer in page.locator("#chart svg .mark-symbol").all()] == [4, 9]
    assert page.locator("#chart svg .mark-line path").count() == 1


@pytest.mark.parametrize("width", [400, 1280])
def test_points_on_the_front_are_named_and_names_do_not_cover_each_other(
    open_page: OpenPage, tmp_path: Path, width: int
) -> None:
    kept = Path(__file__).parents[2] / "docs" / "examples" / "word-problems"
    path = write_study_page(kept, tmp_path / "page.html", None)
    with open_page(path) as page:
        page.set_viewport_size({"width": width, "height": 900})
        room = page.locator("#results").evaluate("one => one.parentElement.clientWidth - one.scrollWidth")
        assert width < 1280 or room >= 0, "the whole table is seen at once"
        data = page_data(page.content())["rows"]
        choice = page.get_by_label("Horizontal axis")
        for cost in page_data(page.content())["chart"]["costs"]:
            page.evaluate("delete document.getElementById('chart').dataset.drawn")
            choice.select_option(cost)
            page.wait_for_selector("#chart[data-drawn] svg")
            texts = page.locator("#chart svg g.mark-text:not(.role-axis-label):not(.role-axis-title) text")
            boxes = {text: box for one in texts.all() if (text := one.text_content()) and (box := one.bounding_box())}
            found = zip(data["label"], data["marks"], strict=True)
            front = {label for label, marks in found if marks.get(cost, "").startswith("◆")}
            assert front <= boxes.keys()
            assert width < 1280 or not any(meet(one, other) for one, other in combinations(boxes.values(), 2))


def meet(one: FloatRect, other: FloatRect) -> bool:
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


def test_another_task_shows_its_rows_alone_and_labels_are_text(page: Page) -> None:
    assert len(methods(page)) == 10
    page.get_by_label("Task", exact=True).select_option(label="other, test split")
    assert sorted(methods(page)) == ["<img src=x onerror=alert(1)>", "oft"]
    drawn = page.locator("#chart svg .mark-symbol").last.locator("path")
    expect(drawn).to_have_count(2)
    drawn.first.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("width", [360, 1600])
def test_it_never_scrolls_sideways_as_a_whole(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_colours_follow_the_system(page: Page) -> None:
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
