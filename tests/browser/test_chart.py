"""The chart of any two metrics shows the values, intervals and front that Python computes."""

import json
import math
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from benchmarks.page import made_up
from paretune.analysis import Row
from paretune.analysis.statistics.pareto import pareto_front
from paretune.report.format import plain, show, span
from paretune.report.html.template import script
from paretune.report.plot import intervals_of
from paretune.spec import METRICS
from tests.browser.conftest import OpenPage
from tests.browser.pages import Shown, page_of
from tests.records import make_record, make_records, make_study

pytestmark = pytest.mark.browser

SETTINGS = 8


class Point(NamedTuple):
    """One point as it is drawn: what it is called, and where it stands in pixels."""

    text: str
    x: float
    y: float


def of_the_tests(path: Path) -> Shown:
    return page_of(make_records(), make_study(), lambda record: None, path)


def tuned(path: Path) -> Shown:
    records, answers = made_up(12, "answers")
    return page_of(records, make_study(), answers, path)


def go_to(page: Page, fragment: str) -> None:
    """Let the address hold a state, and wait until the chart shows it."""
    page.evaluate("delete document.getElementById('chart').dataset.pair")
    page.evaluate("(hash) => { location.hash = hash; }", fragment)
    page.wait_for_selector("#chart[data-pair] svg")


def drawn(page: Page) -> dict[str, Point]:
    found = {}
    for one in page.locator("#chart svg .mark-symbol path[aria-label]").all():
        text = one.get_attribute("aria-label") or ""
        place = re.fullmatch(r"translate\(([-\d.]+),([-\d.]+)\)", one.get_attribute("transform") or "")
        assert place is not None
        found[text.partition(": ")[0]] = Point(text, float(place[1]), float(place[2]))
    return found


def fits(values: Mapping[str, float], pixels: Mapping[str, float]) -> bool:
    """Tell whether pixels are a linear function of values."""
    low, high = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    width = values[high] - values[low]
    scale = (pixels[high] - pixels[low]) / width if width else 0.0
    return all(abs(pixels[low] + scale * (one - values[low]) - pixels[name]) < 0.1 for name, one in values.items())


def front_names(rows: tuple[Row, ...], pair: tuple[str, str]) -> set[str]:
    fit = [row for row in rows if row.outcome.kind == "ok" and not row.below_floor]
    points = [[row.metrics.get(name) for name in pair] for row in fit]
    return {plain(fit[place].method) for place in pareto_front(points, [METRICS[name].direction for name in pair])}


def check(page: Page, shown: Shown, pair: tuple[str, str], log: str) -> None:
    x, y = pair
    found = drawn(page)
    rows = {plain(row.method): row for row in shown.view.rows if x in row.metrics and y in row.metrics}
    assert found.keys() == rows.keys()
    across, up = ({name: row.metrics[metric] for name, row in rows.items()} for metric in pair)
    is_log = page.get_by_label("logarithmic").is_checked()
    assert page.get_by_label("logarithmic").is_enabled() == (min(across.values()) > 0)
    assert is_log == (log == "yes" and min(across.values()) > 0)
    along = {name: math.log(value) for name, value in across.items()} if is_log else across
    assert fits(along, {name: point.x for name, point in found.items()})
    assert fits(up, {name: point.y for name, point in found.items()})
    intervals = intervals_of(shown.view.rows, lambda row: plain(row.method))
    for name, point in found.items():
        for metric, value in ((METRICS[x], across[name]), (METRICS[y], up[name])):
            ends = intervals.get(metric.name, {}).get(name)
            interval = f" ({span(metric, *ends, ' to ')})" if ends else ""
            assert f"{metric.words} {show(metric, value)}{interval}" in point.text
    said = page.locator("#chart").get_attribute("aria-label") or ""
    named = re.search(r"On the Pareto front: (.*)\. The table", said)
    assert named is not None
    assert set(named[1].split(", ")) == (front_names(shown.view.rows, pair) or {"none"})
    usual = y == "accuracy" and x not in {"accuracy", "accuracy_lenient"}
    assert any("%" in point.text.partition("; ")[2] for point in found.values()) == usual


@pytest.mark.parametrize("make", [of_the_tests, tuned])
def test_any_two_metrics_are_drawn_as_python_computes_them(
    make: Callable[[Path], Shown], open_page: OpenPage, tmp_path: Path
) -> None:
    shown, rng = make(tmp_path / "index.html"), random.Random(5)
    names = sorted({name for row in shown.view.rows for name in row.metrics})
    pairs = [(x, y) for x in names for y in names if x != y]
    with open_page(shown.path) as page:
        for pair in [("step_seconds", "accuracy"), *rng.sample(pairs, SETTINGS)]:
            log = rng.choice(["yes", "no"])
            go_to(page, f"x={pair[0]}&y={pair[1]}&log={log}")
            check(page, shown, pair, log)


def test_the_choice_is_kept_in_the_address_and_axes_change_places(open_page: OpenPage, tmp_path: Path) -> None:
    shown = of_the_tests(tmp_path / "index.html")
    with open_page(shown.path) as page:
        page.wait_for_selector("#chart[data-pair] svg")
        expect(page.locator("#front-pair")).to_have_text("accuracy and training memory")
        page.get_by_label("Vertical axis").select_option("train_peak_bytes")
        expect(page.get_by_label("Horizontal axis")).to_have_value("accuracy")
        expect(page.locator("#chart-title")).to_have_text("Training memory against accuracy")
        expect(page).to_have_url(re.compile("#x=accuracy&y=train_peak_bytes$"))
        page.get_by_label("Horizontal axis").select_option("step_seconds")
        expect(page.locator("#front-pair")).to_have_text("training memory and step time")
        marked = page.locator("#results tbody tr", has=page.locator(".front-mark")).locator("button.name")
        assert set(marked.all_inner_texts()) == front_names(shown.view.rows, ("step_seconds", "train_peak_bytes"))
        assert "%" not in "".join(page.locator("#results tbody .front-mark").all_inner_texts())


def test_zoom_by_buttons_and_keys_is_kept_in_the_address(open_page: OpenPage, tmp_path: Path) -> None:
    shown = of_the_tests(tmp_path / "index.html")
    with open_page(shown.path) as page:
        page.wait_for_selector("#chart[data-pair] svg")
        whole = drawn(page)
        page.get_by_role("button", name="Zoom in").click()
        expect(page).to_have_url(re.compile("zoom="))
        near = drawn(page)
        scale = [(one["full"].x - one["lora"].x) for one in (near, whole)]
        assert scale[0] == pytest.approx(1.5 * scale[1], rel=0.01)
        before = page.url
        page.locator("#chart").press("ArrowRight")
        expect(page).not_to_have_url(before)
        assert drawn(page)["lora"].x < near["lora"].x
        go_to(page, page.url.partition("#")[2] + "&density=compact")
        assert drawn(page)["full"].x - drawn(page)["lora"].x == pytest.approx(scale[0], rel=0.01)
        page.get_by_role("button", name="Show all").click()
        expect(page).not_to_have_url(re.compile("zoom="))
        assert drawn(page) == whole


def test_points_that_do_not_meet_the_limits_are_faint_and_say_so(open_page: OpenPage, tmp_path: Path) -> None:
    shown = of_the_tests(tmp_path / "index.html")
    with open_page(shown.path) as page:
        go_to(page, "limit.train_peak_bytes=1.3e9")
        expect(page.locator("#chart-marks")).to_contain_text("Faint points do not meet the limits.")
        said = {name: point.text for name, point in drawn(page).items()}
        out = {name for name, text in said.items() if text.endswith("does not meet the limits")}
        assert {"full", "dora", "oft"} <= out
        assert "lora" not in out


def test_the_front_of_made_up_points_with_ties_is_that_of_python(open_page: OpenPage, tmp_path: Path) -> None:
    rng = random.Random(2)
    sets = [[[rng.randrange(5), rng.randrange(5)] for _ in range(rng.randrange(12))] for _ in range(300)]
    path = tmp_path / "front.html"
    path.write_text(
        '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">'
        f"{script('pareto.js')}\ndocument.title = JSON.stringify({json.dumps(sets)}.map(undominated));</script>",
        encoding="utf-8",
    )
    with open_page(path) as page:
        page.wait_for_function("document.title.startsWith('[')")
        found = json.loads(page.title())
    directions = [METRICS["step_seconds"].direction] * 2
    assert [sorted(one) for one in found] == [pareto_front(points, directions) for points in sets]


def test_a_single_point_is_no_chart(open_page: OpenPage, tmp_path: Path) -> None:
    task = make_record().trial.task.model_copy(update={"name": "other", "content_hash": "1"})
    path = tmp_path / "index.html"
    page_of([*make_records(), make_record(task=task)], make_study(), lambda record: None, path)
    with open_page(path) as page:
        page.wait_for_selector("#chart[data-pair] svg")
        page.get_by_label("Task", exact=True).select_option(label="other, test split")
        expect(page.locator("#chart")).to_have_text("Fewer than two methods have a value of both.")
