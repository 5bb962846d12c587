"""One page of a kept study and a new one: rows stand together, and each task's answers are those of its own folder."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from paretune.analysis.decisions.capabilities import known_capabilities
from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.table.evidence import Evidence, load_evidence
from paretune.cli.studies import write_joint_page
from tests.browser.conftest import OpenPage
from tests.browser.pages import KEPT
from tests.browser.test_table import methods
from tests.studies import drawn_answers, evidence, write_study

pytestmark = pytest.mark.browser


def shortlisted(found: Evidence) -> list[str]:
    """Return what `paretune recommend` lists of one folder."""
    known = known_capabilities(found.records)
    return [one.name for one in recommend_from(found, known=known).shortlist]


def names_in(found: Evidence) -> set[str]:
    return {record.trial.method.label for record in found.records if not record.trial.tunes}


def listed(page: Page) -> list[str]:
    answer = json.loads(page.locator("#recommendation").get_attribute("data-answer") or "")
    return [one["name"] for one in answer["shortlist"]]


def test_each_folder_keeps_its_rows_and_its_recommendation(open_page: OpenPage, tmp_path: Path) -> None:
    new = write_study(tmp_path / "new", evidence(drawn_answers({"lora": 0.6, "vera": 0.4, "oft": 0.5})))
    folders = {"smollm2": KEPT / "word-problems", "new": new}
    found = {name: load_evidence(folder) for name, folder in folders.items()}
    with open_page(write_joint_page(list(folders.values()), tmp_path / "index.html")) as page:
        page.wait_for_selector("#recommendation[data-answer]", state="attached")
        offered = page.locator("#view option").evaluate_all("all => all.map((one) => [one.value, one.textContent])")
        views = {value: text for value, text in offered if value}
        assert len(views) == len(folders)
        for value, text in views.items():
            page.locator("#view").select_option(value)
            inside = found["smollm2" if "smollm2" in text else "new"]
            assert set(methods(page)) == names_in(inside)
            assert listed(page) == shortlisted(inside)
        page.locator("#view").select_option("")
        total = sum(len(names_in(one)) for one in found.values())
        expect(page.locator("#row-count")).to_have_text(f"{total} rows")
        expect(page.locator("#recommendation")).to_contain_text("Choose one task")
        page.get_by_label("Search").fill("vera")
        expect(page.locator("#row-count")).to_have_text(re.compile(rf"^\d of {total} rows$"))
        page.get_by_text("Filters", exact=True).click()
        page.locator("#filter-base_model").select_option(index=1)
        expect(page).to_have_url(re.compile("only.base_model="))
