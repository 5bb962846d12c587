"""The page in a real browser: sorting, choosing a cost, both widths, and silence on the network."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Dialog, Error, Page, expect, sync_playwright

from paretune.report import write_page
from paretune.spec import MethodSpec
from tests.records import make_record, make_records, make_study

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        try:
            opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"no Chromium to open the page in: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


class Opened(NamedTuple):
    page: Page
    complaints: list[str]
    """Console messages, errors and dialogs."""
    requests: list[str]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    other = make_record().trial.task.model_copy(update={"name": "other", "content_hash": "1"})
    evil = MethodSpec(name="x", label="<img src=x onerror=alert(1)>", implementation="peft")
    records = [*make_records(), make_record(method=evil, task=other), make_record("oft", task=other)]
    path = tmp_path / "index.html"
    write_page(records, make_study(), path)

    def complain(dialog: Dialog) -> None:
        state.complaints.append(dialog.message)
        dialog.dismiss()

    page = browser.new_page(viewport={"width": 1200, "height": 900})
    state = Opened(page, [], [])
    page.on("console", lambda message: state.complaints.append(message.text))
    page.on("pageerror", lambda error: state.complaints.append(str(error)))
    page.on("dialog", complain)
    page.on("request", lambda request: state.requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("#chart[data-drawn] svg")
    yield state
    assert state.complaints == []
    assert state.requests == [path.as_uri()]
    page.close()


def methods(page: Page) -> list[str]:
    return [text.splitlines()[0] for text in page.locator("#results tbody tr:visible th").all_inner_texts()]


def heading(page: Page, name: str) -> str | None:
    return page.locator("#results thead th", has=page.get_by_role("button", name=name, exact=True)).get_attribute(
        "aria-sort"
    )


def test_sorting_by_mouse_and_keyboard_keeps_missing_values_last(opened: Opened) -> None:
    page = opened.page
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


def test_another_cost_redraws_chart_caption_and_marks(opened: Opened) -> None:
    page = opened.page

    def marked() -> set[str]:
        texts = page.locator("#results tbody tr:visible th").all_inner_texts()
        return {text.splitlines()[0] for text in texts if "◆" in text}

    assert marked() == {"full", "dora", "lora", "ia3", "ln-tuning"}
    assert any("≈ tied ◇ 36%" in text for text in page.locator("#results tbody tr:visible th").all_inner_texts())
    page.get_by_label("Cost", exact=True).select_option("forgetting")
    page.wait_for_selector('#chart[data-drawn="forgetting"]')
    assert "Forgetting (nats per token)" in (page.locator("#chart svg").text_content() or "")
    assert "general text" in page.locator("#chart-caption").inner_text()
    assert "base-few-shot" in marked()
    # Two layers of symbols: a ring for each of the four that are tied for best, and a point for each of the nine.
    assert [layer.locator("path").count() for layer in page.locator("#chart svg .mark-symbol").all()] == [4, 9]
    assert page.locator("#chart svg .mark-line path").count() == 1


def test_another_task_shows_its_rows_alone_and_labels_are_text(opened: Opened) -> None:
    page = opened.page
    assert len(methods(page)) == 10
    page.get_by_label("Task").select_option(label="other, test split")
    assert sorted(methods(page)) == ["<img src=x onerror=alert(1)>", "oft"]
    drawn = page.locator("#chart svg .mark-symbol").last.locator("path")
    expect(drawn).to_have_count(2)
    drawn.first.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("width", [360, 1600])
def test_it_never_scrolls_sideways_as_a_whole(opened: Opened, width: int) -> None:
    page = opened.page
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_colours_follow_the_system(opened: Opened) -> None:
    page = opened.page
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
