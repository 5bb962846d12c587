"""The page recommends under any limits what Python recommends, and says the same of what is ruled out."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from benchmarks.page import made_up
from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.decisions.requirements import Limit
from paretune.analysis.table.evidence import Evidence
from paretune.interop.importers import import_peft_comparison
from paretune.report.decisions import reason_text
from paretune.report.format import plain
from paretune.report.html.limits import limited_metrics
from paretune.spec import CLAIMS, Failed, MethodSpec
from tests.browser.conftest import OpenPage
from tests.browser.pages import KEPT, Shown, page_of, page_of_folder
from tests.outside import PUBLISHED, needs_published
from tests.records import make_record, make_records, make_study

pytestmark = pytest.mark.browser

SETTINGS = 20
"""Of each of six pages."""


def of_the_tests(path: Path) -> Shown:
    evil = MethodSpec(name="x", label="</script><b>'x'", implementation="peft")
    broken = make_record("hra", outcome=Failed(error_type="E", message="broke"))
    return page_of([*make_records(), make_record(method=evil), broken], make_study(), lambda record: None, path)


def kept_word_problems(path: Path) -> Shown:
    return page_of_folder(KEPT / "word-problems", path)


def kept_classification(path: Path) -> Shown:
    return page_of_folder(KEPT / "classification-minilm", path)


def tuned_synthetic(path: Path) -> Shown:
    records, answers = made_up(60, "answers")
    return page_of(records, make_study(), answers, path)


def imported(path: Path, name: str = "peft-metamathqa") -> Shown:
    folders = {done.folder.name: done.folder for done in import_peft_comparison(PUBLISHED, path.parent / "imported")}
    return page_of_folder(folders[name], path)


def imported_pictures(path: Path) -> Shown:
    return imported(path, "peft-image-gen")


MADE = [
    of_the_tests,
    kept_word_problems,
    kept_classification,
    tuned_synthetic,
    pytest.param(imported, marks=needs_published),
    pytest.param(imported_pictures, marks=needs_published),
]


def random_setting(shown: Shown, rng: random.Random) -> tuple[dict[str, float], list[str]]:
    """Return limits on some of the metrics, each between or at values that rows have, and some capabilities."""
    names = limited_metrics(shown.view.rows)
    limits = {}
    for name in rng.sample(names, rng.choice([0, 1, 1, 2, 3])):
        values = sorted({row.metrics[name] for row in shown.view.rows if name in row.metrics})
        limits[name] = rng.choice([rng.choice(values), rng.uniform(values[0], values[-1])])
    trained = {row.method for row in shown.view.rows if row.records[0].trial.method.trains}
    able = [name for name in CLAIMS if any(shown.known[label].get(name) is not None for label in trained)]
    return limits, rng.sample(able, min(len(able), rng.choice([0, 0, 1, 2])))


def said(page: Page, limits: dict[str, float], needs: list[str]) -> dict[str, Any]:
    """Return what the page answers once its address holds these limits."""
    fragment = urlencode({**{f"limit.{name}": repr(value) for name, value in limits.items()}, "needs": " ".join(needs)})
    page.evaluate(
        """(hash) => new Promise((done) => {
             addEventListener("hashchange", () => done(), { once: true });
             location.hash = hash;
           })""",
        fragment,
    )
    answer: dict[str, Any] = json.loads(page.locator("#recommendation").get_attribute("data-answer") or "")
    return answer


def expected(shown: Shown, limits: list[Limit], needs: list[str]) -> dict[str, Any]:
    found = shown.recommend(limits, needs)
    return {
        "shortlist": [
            {
                "name": plain(one.name),
                "isBest": one.merits[0].kind == "best",
                "least": [merit.metric for merit in one.merits if merit.kind == "least cost"],
                "notShownAbove": list(map(plain, one.not_shown_above)),
            }
            for one in found.shortlist
        ],
        "alsoTied": [[plain(one.name), plain(one.outdone_by or "")] for one in found.others if one.worse_than is None],
        "behind": [plain(one.name) for one in found.others if one.worse_than is not None],
        "ruledOut": [
            [plain(one.name), list(dict.fromkeys(plain(reason_text(reason, found.table)) for reason in one.reasons))]
            for one in found.ruled_out
        ],
    }


@pytest.mark.parametrize("make", MADE)
def test_any_limits_give_the_answer_that_python_gives(
    make: Callable[[Path], Shown], open_page: OpenPage, tmp_path: Path
) -> None:
    shown, rng = make(tmp_path / "index.html"), random.Random(7)
    with open_page(shown.path) as page:
        page.wait_for_selector("#recommendation[data-answer]", state="attached")
        for _ in range(SETTINGS):
            limits, needs = random_setting(shown, rng)
            answer = said(page, limits, needs)
            given = [Limit.model_validate(limit) for limit in answer.pop("limits")]
            assert {limit.metric: limit.value for limit in given} == limits
            assert answer == expected(shown, given, needs), (limits, needs)


def test_what_is_shown_of_one_task_is_what_the_command_says_of_its_records(tmp_path: Path) -> None:
    shown = of_the_tests(tmp_path / "index.html")
    records = [record for row in shown.view.rows for record in row.records]
    limit = Limit(metric="train_peak_bytes", bound="at most", value=1.4e9)
    command = recommend_from(Evidence(tuple(records), lambda record: None), limits=[limit], known=shown.known)
    assert command.shortlist == shown.recommend([limit], []).shortlist
    assert command.ruled_out == shown.recommend([limit], []).ruled_out


def test_a_slider_dims_rows_says_why_and_moves_the_recommendation(open_page: OpenPage, tmp_path: Path) -> None:
    shown = page_of(make_records(), make_study(), lambda record: None, tmp_path / "index.html")
    with open_page(shown.path) as page:
        best = page.locator("#recommendation li b").first
        expect(best).to_have_text("full")
        page.get_by_label("Training memory at most", exact=True).fill("1.3")
        expect(best).to_have_text("lora")
        row = page.locator("#results tbody tr", has=page.get_by_role("rowheader", name="dora"))
        expect(row).to_have_class("ruled-out")
        expect(row.locator(".why")).to_have_text("training memory 1.46 GB, wanted at most 1.30 GB")
        assert "--limit 'train_peak_bytes<=1.3GB'" in page.locator("#recommendation code").inner_text()
        page.get_by_label("Training memory at most, slider").press("Home")
        expect(page.get_by_label("Training memory at most", exact=True)).to_have_value("1.04")
        expect(best).to_have_text("ln-tuning")
        page.get_by_role("button", name="Clear limits").click()
        expect(best).to_have_text("full")
        assert page.locator("tr.ruled-out").count() == 0
        page.get_by_label("Accuracy above the base model (4.2%) by at least", exact=True).fill("45")
        expect(page.locator("tr.ruled-out .why").first).to_contain_text("wanted at least 49.2%")
        expect(page).to_have_url(re.compile("above=45"))


def test_a_limit_that_rules_out_nothing_says_so(open_page: OpenPage, tmp_path: Path) -> None:
    with open_page(kept_word_problems(tmp_path / "page.html").path) as page:
        said(page, {"train_peak_bytes": 24e9}, [])
        idle = "All fine-tuning methods here have training memory at most 24.0 GB: this limit rules out none of them."
        expect(page.locator("#recommendation")).to_contain_text(f"{idle} It may for another model")
        said(page, {"train_peak_bytes": 1.2e9}, [])
        expect(page.locator("#recommendation")).not_to_contain_text("rules out none")
        expect(page.locator("#limits .limit .extra")).to_have_count(1)


def test_checks_that_may_be_asked_for_are_explained(open_page: OpenPage, tmp_path: Path) -> None:
    with open_page(kept_word_problems(tmp_path / "page.html").path) as page:
        for name in ("mergeable", "causal"):
            box = page.locator(f"#limits label:has(input[value={name}])")
            expect(box).to_contain_text(CLAIMS[name].statement)


def test_a_mark_off_the_front_does_not_say_that_it_is_on_it(open_page: OpenPage, tmp_path: Path) -> None:
    with open_page(kept_word_problems(tmp_path / "page.html").path) as page:
        titles = {
            (mark.inner_text()[0], (mark.get_attribute("title") or "").partition(" the Pareto front")[0])
            for mark in page.locator("#results .front-mark").all()
        }
        assert titles == {("◆", "On"), ("◇", "Not on")}
