"""The forest plot shows the differences of `paretune compare`, and parallel coordinates the values of the rows."""

import random
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.page import made_up
from paretune.analysis.decisions.compare import compare_rows
from paretune.analysis.decisions.phrases import signed
from paretune.report.format import plain, show
from paretune.spec import COSTS, METRICS
from tests.browser.conftest import OpenPage
from tests.browser.pages import Shown, page_of
from tests.records import make_records, make_study

pytestmark = pytest.mark.browser

VERDICTS = {"better": "better", "ahead": "better", "worse": "worse", "behind": "worse", "undecided": "not significant"}


def of_the_tests(path: Path) -> Shown:
    return page_of(make_records(), make_study(), lambda record: None, path)


def percents(mark: Locator) -> list[float]:
    return [float(one) for one in re.findall(r"([-\d.]+)%", mark.get_attribute("style") or "")]


def check_forest(page: Page, shown: Shown, baseline: str) -> None:
    zero = percents(page.locator("#differences tbody tr .zero").first)[0]
    scales = []
    rows = page.locator("#differences tbody tr").all()
    for row in rows:
        name = row.locator("th").inner_text()
        found, _ = compare_rows(shown.view, shown.compared, name, baseline, shown.known)
        low, high = found.interval
        texts = [signed(found.definition, one) for one in (found.difference, low, high)]
        assert row.locator("td.number").inner_text().split() == [texts[0], texts[1], "to", texts[2]]
        assert row.locator("td").last.inner_text() == VERDICTS[found.verdict]
        assert row.locator("b.sure").count() == int(found.verdict != "undecided")
        (left, width), (middle,) = percents(row.locator("i")), percents(row.locator("b"))
        scales.append(width / (high - low))
        assert left == pytest.approx(zero + scales[-1] * low, abs=0.1)
        assert middle == pytest.approx(zero + scales[-1] * found.difference, abs=0.1)
    assert len(rows) == len(shown.compared.rows) - 1
    assert scales == pytest.approx([scales[0]] * len(scales), rel=0.01), "one axis for all"
    assert f"all {shown.compared.num_pairs} pairs" in page.locator("#forest-caption").inner_text()


def test_differences_to_any_baseline_are_those_of_compare(open_page: OpenPage, tmp_path: Path) -> None:
    records, answers = made_up(10, "answers")
    shown = page_of(records, make_study(), answers, tmp_path / "index.html")
    names = [shown.view.name_of(row) for row in shown.compared.rows]
    with open_page(shown.path) as page:
        choice = page.get_by_label("Compared with")
        expect(choice).to_have_value("base")
        for baseline in ["base", *random.Random(4).sample(names, 3)]:
            choice.select_option(baseline)
            check_forest(page, shown, baseline)


def test_lora_is_the_usual_baseline_and_the_table_says_which_rows_are_shown(
    open_page: OpenPage, tmp_path: Path
) -> None:
    shown = of_the_tests(tmp_path / "index.html")
    with open_page(shown.path) as page:
        choice = page.get_by_label("Compared with")
        expect(choice).to_have_value("lora")
        check_forest(page, shown, "lora")
        expect(page.locator("#forest-left")).to_have_text("Not shown (no result to compare): boft.")
        choice.select_option("full")
        expect(page).to_have_url(re.compile("#baseline=full$"))
        page.get_by_label("Search").fill("LOW ra")
        expect(page.locator("#differences tbody th")).to_have_text(["dora", "lora"])
        page.evaluate("location.hash = 'baseline=oft&limit.train_peak_bytes=1.2e9'")
        expect(choice).to_have_value("oft")
        expect(page.locator("#differences tbody tr.ruled-out").first).to_be_visible()


def test_lines_stand_at_the_values_with_the_better_one_above(open_page: OpenPage, tmp_path: Path) -> None:
    shown = of_the_tests(tmp_path / "index.html")
    metrics = [METRICS[name] for name in ("accuracy", *COSTS) if any(name in row.metrics for row in shown.view.rows)]
    with open_page(shown.path) as page:
        page.wait_for_selector("#lines svg")
        places: dict[float, list[tuple[float, float]]] = {}
        for row in shown.view.rows:
            line = page.locator(f'#lines .line[aria-label^="{plain(row.method)}: "]')
            words = [f"{metric.words} {show(metric, row.metrics.get(metric.name))}" for metric in metrics]
            assert line.get_attribute("aria-label") == f"{plain(row.method)}: {', '.join(words)}"
            values = [metric.sign * row.metrics[metric.name] for metric in metrics if metric.name in row.metrics]
            dots = line.locator("circle").all()
            for value, dot in zip(values, dots, strict=True):
                x, y = (float(dot.get_attribute(name) or "nan") for name in ("cx", "cy"))
                places.setdefault(x, []).append((value, y))
        assert len(places) == len(metrics)
        for found in places.values():
            heights = [y for _, y in sorted(found)]
            assert heights == sorted(heights, reverse=True)
            assert (heights[0], heights[-1]) == (324.0, 64.0)


def test_a_line_is_named_by_mouse_and_keys_and_dimmed_by_limits(open_page: OpenPage, tmp_path: Path) -> None:
    shown = of_the_tests(tmp_path / "index.html")
    with open_page(shown.path) as page:
        line = page.locator('#lines .line[aria-label^="vera: "]')
        line.locator("circle").first.hover()
        expect(page.locator("#line-text")).to_contain_text("vera: accuracy 15.8%")
        page.mouse.move(0, 0)
        page.locator('#lines .line[tabindex="0"]').focus()
        expect(page.locator("#line-text")).to_contain_text("full: accuracy 58.3%")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#line-text")).to_contain_text("dora: accuracy 49.2%")
        page.evaluate("location.hash = 'limit.train_peak_bytes=1.3e9'")
        expect(page.locator("#lines .line.dimmed").first).to_have_attribute("aria-label", re.compile("does not meet"))
        assert page.locator('#lines .line.dimmed[aria-label^="lora: "]').count() == 0


@pytest.mark.parametrize("width", [360, 1600])
def test_pictures_fit_the_width(open_page: OpenPage, tmp_path: Path, width: int) -> None:
    shown = of_the_tests(tmp_path / "index.html")
    with open_page(shown.path) as page:
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_selector("#lines svg")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
