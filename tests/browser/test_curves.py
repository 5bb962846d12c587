"""The response curves of a tuned study in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from paretune.report import PageSources, write_page
from tests.browser.conftest import OpenPage
from tests.records import make_record, make_study
from tests.report.test_curves import tuned

pytestmark = pytest.mark.browser


@pytest.fixture
def page(open_page: OpenPage, tmp_path: Path) -> Iterator[Page]:
    records, plan = tuned()
    task = records[0].trial.task
    final = [make_record(label, seed=seed, task=task) for label in ("lora", "full", "oft") for seed in range(3)]
    path = tmp_path / "index.html"
    write_page([*records, *final], make_study(), path, PageSources(plan=plan))
    with open_page(path) as opened:
        opened.wait_for_function("document.querySelectorAll('.curve svg').length === 4")
        yield opened


def symbols(page: Page, panel: int) -> int:
    return page.locator(f"#curve-{panel} svg .mark-symbol path").count()


def test_each_method_has_a_panel_with_all_its_points_and_one_choice(page: Page) -> None:
    captions = page.locator(".curves figcaption").all_inner_texts()
    assert captions == ["lora 0.002", "full 0.00112 (upper edge)", "ia3 none: 7 diverged", "oft 0.00533"]
    assert [symbols(page, panel) for panel in range(4)] == [7, 7, 7, 7]
    filled = [page.locator(f"#curve-{panel} svg .layer_2_marks path").count() for panel in range(4)]
    assert filled == [1, 1, 0, 1]
    lines = [page.locator(f"#curve-{panel} svg .mark-line path").count() for panel in range(4)]
    assert lines == [1, 1, 0, 1]


def test_the_figures_are_there_as_a_table_too(page: Page) -> None:
    table = page.locator("details table").first
    assert not table.is_visible()
    page.get_by_text("Validation loss at each learning rate, as a table").click()
    assert table.locator("tbody tr").count() == 4
    assert table.locator("tbody tr").nth(0).locator("b").inner_text() == "0.000"


@pytest.mark.parametrize("width", [360, 1600])
def test_panels_fit_the_width(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [panel.bounding_box() for panel in page.locator(".curve svg").all()]
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)


def test_tuning_trials_are_not_in_the_results(page: Page) -> None:
    assert page.locator("#results tbody tr").count() == 3
    assert "Learning rate" in page.locator("#results thead").inner_text()
