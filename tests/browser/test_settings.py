"""One page of all imported results, the kept studies and 1,000 made-up rows: any settings show what Python computes."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.page import made_up
from paretune.analysis import Row
from paretune.analysis.statistics.pareto import pareto_front
from paretune.analysis.table.comparable import same_conditions
from paretune.analysis.table.rows import best_first
from paretune.interop.importers import import_peft_comparison
from paretune.report import PageSources
from paretune.report.format import plain
from paretune.report.html.facets import FACETS
from paretune.report.html.page import Part, part_of, render_parts
from paretune.report.html.page_data import rows_data
from paretune.report.html.page_table import Column, further_columns, table_columns, view_key
from paretune.spec import METRICS, Study
from paretune.store import Store, load_planned_records
from tests.browser.conftest import SLOW_MILLISECONDS
from tests.browser.pages import KEPT
from tests.outside import PUBLISHED, needs_published
from tests.records import make_study

pytestmark = [pytest.mark.browser, needs_published]

SETTINGS = 100
FRONTS = 12
DRAWN = 100

USE = """async ({ view, filters, group, query, density, flipped, sort, second }) => {
  const choose = (id, value) => {
    const control = document.getElementById(id);
    if (control.value === value) return;
    control.value = value;
    control.dispatchEvent(new Event("change"));
  };
  document.getElementById("clear").click();
  choose("view", view);
  for (const [key, value] of Object.entries(filters)) choose(`filter-${key}`, value);
  choose("group", group);
  choose("density", density);
  const search = document.getElementById("search");
  search.value = query;
  search.dispatchEvent(new Event("search"));
  document.querySelector("#columns button").click();
  for (const key of flipped) document.querySelector(`#columns input[value="${key}"]`).click();
  document.querySelector(`#results thead button[data-key="${sort}"]`).click();
  choose("second-sort", second);
  const results = document.getElementById("results");
  while (results.getAttribute("aria-busy") === "true") await new Promise((done) => setTimeout(done));
  return SHOWN;
}"""
VALUES = "all => all.map((one) => one.value).filter(Boolean)"
SHOWN = """(() => ({
  count: document.getElementById("row-count").textContent,
  isCompact: document.getElementById("results").classList.contains("compact"),
  head: [...document.querySelectorAll("#results thead button")].map((one) => one.dataset.key),
  orders: Object.fromEntries([...document.querySelectorAll("#results thead th[data-order]")]
    .map((one) => [one.firstChild.dataset.key, one.dataset.order])),
  lines: [...document.querySelectorAll("#results tbody tr:not(.empty)")].map((one) => one.classList.contains("group")
    ? one.textContent.slice(2) : [...one.cells].map((cell) => cell.firstChild.textContent)),
}))()"""


class Setting(NamedTuple):
    """What the controls above the table are set to."""

    view: str
    filters: dict[str, str]
    group: str
    query: str
    density: str
    flipped: list[str]
    """Columns that are added to those of the start, or taken away."""
    sort: str
    """The heading that is clicked."""
    second: str


@dataclass(frozen=True)
class Expected:
    """The rows of the page, in its order, and what Python says of them."""

    path: Path
    rows: Sequence[Row]
    columns: Sequence[Column]
    num_at_first: int
    labels: Sequence[str]
    """Names, with the learning rate where a method has several."""
    searched: Sequence[str]
    """Texts in which rows are searched."""

    @property
    def views(self) -> list[str]:
        return list(dict.fromkeys(view_key(row.task, row.split) for row in self.rows))

    def column(self, key: str) -> Column:
        return next(column for column in self.columns if column.key == key)

    def keys_shown(self, setting: Setting) -> list[str]:
        usual = {column.key for column in self.columns[: self.num_at_first]}
        keys = [column.key for column in self.columns]
        return [key for key in keys if (key in usual) != (key in setting.flipped)]

    def places(self, setting: Setting, order: str) -> list[int]:
        """Return the places of the rows that a setting lets through, sorted."""
        terms = setting.query.lower().split()
        found = [
            place
            for place, row in enumerate(self.rows)
            if setting.view in ("", view_key(row.task, row.split))
            and all(read(row) == setting.filters[key] for key, read in READ.items() if setting.filters.get(key))
            and all(term in self.searched[place] for term in terms)
        ]
        keys = [(setting.sort, order)]
        if setting.second:
            keys.append((setting.second, self.column(setting.second).first))
        for key, direction in reversed(keys):
            values = {place: self.column(key).cell(self.rows[place]).value for place in found}
            sign = -1 if direction == "descending" else 1
            found.sort(key=lambda place: (values[place] is None, sign * float(values[place] or 0)))
        return found

    def lines(self, setting: Setting, places: Sequence[int]) -> list[Any]:
        """Return heads of groups and texts of cells, as many as are drawn."""
        shown = [self.column(key) for key in self.keys_shown(setting)]
        groups: dict[str, list[int]] = {}
        for place in places:
            groups.setdefault(READ[setting.group](self.rows[place]) if setting.group else "", []).append(place)
        lines: list[Any] = []
        room = DRAWN
        for name, inside in groups.items():
            if room <= 0:
                break
            lines += [f"{name} ({len(inside)})"] if setting.group else []
            for place in inside[:room]:
                texts = [column.cell(self.rows[place]).text for column in shown[1:]]
                lines.append([self.columns[0].cell(self.rows[place]).text, *texts])
            room -= len(inside)
        return lines

    def front(self, places: Sequence[int], pair: tuple[str, str]) -> str:
        """Return the names of the rows on the front of two metrics in the order of the page, "none" without any."""
        fit = [place for place in places if self.rows[place].outcome.kind == "ok" and not self.rows[place].below_floor]
        records = [record for place in fit for record in self.rows[place].records]
        if not all(same_conditions(records, name) for name in pair):
            return "none"
        points = [[self.rows[place].metrics.get(name) for name in pair] for place in fit]
        front = pareto_front(points, [METRICS[name].direction for name in pair])
        return ", ".join(self.labels[fit[place]] for place in sorted(front)) or "none"


READ: dict[str, Callable[[Row], str]] = {facet.key: facet.read for facet in FACETS}


def parts(folder: Path) -> Iterator[Part]:
    imported = {done.folder.name: done.folder for done in import_peft_comparison(PUBLISHED, folder)}
    kept = {name: KEPT / name for name in ("word-problems", "classification-minilm")}
    for name, place in {**imported, **kept}.items():
        store = Store(place)
        study = store.study()
        assert study is not None
        yield part_of(load_planned_records(place), study, PageSources(answers=store.scores), name)
    records, answers = made_up(1_000, "means")
    yield part_of(records, make_study(), PageSources(answers=answers), "made-up")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    folder = tmp_path_factory.mktemp("settings")
    made = list(parts(folder / "imported"))
    path = folder / "index.html"
    path.write_text(render_parts(made, "all"), encoding="utf-8")
    pairs: list[tuple[Row, Study]] = [(row, part.study) for part in made for row in part.rows]
    pairs.sort(key=lambda pair: best_first(pair[0]))
    rows = [row for row, _ in pairs]
    first = table_columns([row for part in made for row in part.rows])
    columns = [*first, *further_columns(rows, first)]
    data = rows_data(rows, columns, len(first), [study for _, study in pairs], [])
    searched = [
        " ".join([label, key, departs, *(facet.read(row) for facet in FACETS)]).lower()
        for row, label, key, departs in zip(rows, data["label"], data["view"], data["departs"], strict=True)
    ]
    return Expected(path, rows, columns, len(first), data["label"], searched)


@pytest.fixture(scope="module")
def page(browser: Browser, expected: Expected) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    opened.set_default_timeout(SLOW_MILLISECONDS)
    opened.goto(expected.path.as_uri())
    opened.wait_for_selector("html[data-ready]")
    yield opened
    opened.close()


def random_setting(expected: Expected, rng: random.Random) -> Setting:
    view = rng.choice([*expected.views, ""])
    inside = [row for row in expected.rows if view in ("", view_key(row.task, row.split))]
    someone = rng.choice(inside)
    values = {key: {read(row) for row in expected.rows} for key, read in READ.items()}
    offered = [key for key, found in values.items() if len(found) > 1]
    filters = dict.fromkeys(offered, "")
    for key in rng.sample(offered, rng.choice([0, 0, 1, 2])):
        filters[key] = READ[key](someone)
    words = [plain(someone.method), *plain(someone.method).split()[:1], READ["family"](someone)[:4].upper(), "1"]
    keys = [column.key for column in expected.columns]
    usual = keys[: expected.num_at_first]
    numeric = [key for key in usual if expected.column(key).numeric]
    sort, second = rng.sample(numeric, 2)
    flipped = [key for key in rng.sample(keys[1:], rng.choice([0, 1, 3])) if key not in (sort, second)]
    return Setting(
        view=view,
        filters=filters,
        group=rng.choice(["", "", *offered]),
        query=rng.choice(["", rng.choice(words)]),
        density=rng.choice(["compact", "comfortable"]),
        flipped=flipped,
        sort=sort,
        second=rng.choice(["", second]),
    )


def test_any_settings_show_the_rows_and_values_that_python_computes(page: Page, expected: Expected) -> None:
    rng = random.Random(11)
    sizes = []
    # Task by task, since the chart is drawn anew for each.
    for setting in sorted((random_setting(expected, rng) for _ in range(SETTINGS)), key=lambda setting: setting.view):
        found = page.evaluate(USE.replace("SHOWN", SHOWN), setting._asdict())
        assert found["head"] == expected.keys_shown(setting), setting
        order = found["orders"].pop(setting.sort)
        later = {setting.second: expected.column(setting.second).first} if setting.second else {}
        assert found["orders"] == later, setting
        places = expected.places(setting, order)
        total = sum(setting.view in ("", view_key(row.task, row.split)) for row in expected.rows)
        assert found["count"] == (f"{total} rows" if len(places) == total else f"{len(places)} of {total} rows")
        assert found["isCompact"] == (setting.density == "compact")
        assert found["lines"] == expected.lines(setting, places), setting
        sizes.append(len(places))
    assert min(sizes) < 5, "a few rows and more than are drawn at once are among them"
    assert max(sizes) > DRAWN


def test_any_two_metrics_have_the_front_that_python_computes(page: Page, expected: Expected) -> None:
    rng = random.Random(12)
    across, up = (page.locator(f"#chart-{side} option").evaluate_all(VALUES) for side in ("x", "y"))
    for number in range(FRONTS):
        view = expected.views[number % len(expected.views)]
        inside = [place for place, row in enumerate(expected.rows) if view_key(row.task, row.split) == view]
        measured = {name for place in inside for name in expected.rows[place].metrics}
        x = rng.choice(sorted(measured.intersection(across)))
        y = rng.choice(sorted(measured.intersection(up) - {x}))
        page.evaluate("delete document.getElementById('chart').dataset.pair")
        page.evaluate("hash => { location.hash = hash; }", urlencode({"view": view, "x": x, "y": y}))
        page.wait_for_selector("#chart[data-pair]")
        said = page.locator("#chart").get_attribute("aria-label") or ""
        named = said.partition("On the Pareto front: ")[2].partition(". The table")[0]
        assert named == expected.front(inside, (x, y)), (view, x, y)
