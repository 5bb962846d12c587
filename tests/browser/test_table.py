"""The table of the page in a real browser: search, filters, columns, groups, downloads, and the address."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from paretune.cli.studies import write_study_page
from paretune.report import PageSources, write_page
from paretune.spec import MethodSpec, Record
from paretune.store import Item
from paretune.tasks.drawn_shapes import SIDE_PIXELS, Bar, drawn_chart
from tests.browser.conftest import OpenPage
from tests.records import make_record, make_records, make_study
from tests.studies import drawn_answers, evidence, write_study

pytestmark = pytest.mark.browser

EVIL = "=1+1</script><img src=x onerror=alert(1)>"


def answered(record: Record) -> list[Item]:
    """Return three answers: the first all get right, the second only lora, the third none but in its second seed."""
    label, seed = record.trial.method.label, record.trial.seed
    right = [1.0, float(label == "lora"), float(seed == 1)]
    return [
        Item(f"q{place}", "seen" if place else "unseen", {"accuracy": score}, f"{EVIL} {label} {place}", "42", None)
        for place, score in enumerate(right)
    ]


@pytest.fixture
def page(open_page: OpenPage, tmp_path: Path) -> Iterator[Page]:
    evil = MethodSpec(name="x", label=EVIL, implementation="peft", parameters={EVIL: EVIL})
    records = [*make_records(), *(make_record(label, seed=1) for label in ("lora", "oft")), make_record(method=evil)]
    path = tmp_path / "index.html"
    sources = PageSources(
        answered=answered,
        prompts=lambda record: {f"q{place}": f"{EVIL}?" for place in range(3)},
        images=lambda record: {"q1": drawn_chart([Bar("red", 2)])},
    )
    write_page(records, make_study(), path, sources)
    with open_page(path) as opened:
        opened.wait_for_selector("html[data-ready]")
        yield opened


def methods(page: Page) -> list[str]:
    names = page.locator("#results tbody tr[data-row] th").all_inner_texts()
    return [re.split(r"\s*[≈◆◇]", text.splitlines()[0])[0] for text in names]


def test_a_search_narrows_and_what_finds_nothing_offers_a_way_back(page: Page) -> None:
    page.get_by_label("Search").fill("LOW ra")
    expect(page.locator("#row-count")).to_have_text("2 of 11 rows")
    assert methods(page) == ["dora", "lora"], "both belong to the family of low rank"
    page.get_by_label("Search").fill("lora nothing")
    expect(page.locator("#results tbody")).to_contain_text('No row matches the search for "lora nothing"')
    page.get_by_role("button", name="Clear search and filters").first.click()
    expect(page.locator("#row-count")).to_have_text("11 rows")
    assert page.get_by_label("Search").input_value() == ""


def test_filters_say_how_many_are_set_and_the_address_keeps_them(page: Page) -> None:
    page.get_by_text("Filters", exact=True).click()
    page.locator("#filter-result").select_option("out of memory")
    assert methods(page) == ["boft"]
    expect(page.locator("#filters-title")).to_have_text("Filters (1 set)")
    page.locator("#filter-result").select_option("")
    page.locator("#filter-protocol").select_option("not trained")
    assert methods(page) == ["base-few-shot", "base"]
    page.locator("#group").select_option("family")
    page.get_by_role("button", name="Step time").click()
    expect(page).to_have_url(re.compile("sort=step_seconds%3Aascending"))
    assert "only.protocol=not+trained" in page.url
    assert "group=family" in page.url


def test_the_address_sets_the_page(page: Page) -> None:
    page.evaluate(
        """() => new Promise((done) => {
             addEventListener("hashchange", () => done(), { once: true });
             location.hash = "sort=seeds:descending&sort=accuracy:ascending&density=compact"
               + "&columns=accuracy+family&only.result=ok";
           })"""
    )
    assert methods(page)[:2] == ["oft", "lora"]
    assert page.locator("#results thead th").count() == 3
    assert page.locator("#results.compact").count() == 1
    assert "boft" not in methods(page)
    page.evaluate("location.hash = 'sort=nothing:ascending&limit.x=1&only.y=2&view=z&group=constructor'")
    expect(page.locator("#row-count")).to_have_text("11 rows")


def test_rows_are_sorted_by_a_second_column_and_grouped(page: Page) -> None:
    page.get_by_role("button", name="Seeds").click()
    page.get_by_role("button", name="Accuracy", exact=True).click(modifiers=["Shift"])
    assert methods(page)[-2:] == ["lora", "oft"]
    assert [text.strip() for text in page.locator("#results thead .order").all_inner_texts()] == ["1", "2"]
    page.locator("#group").select_option("family")
    heads = page.locator("#results .group button")
    before = len(methods(page))
    assert heads.count() > 2
    heads.first.click()
    assert heads.first.get_attribute("aria-expanded") == "false"
    assert len(methods(page)) < before


def test_downloads_hold_the_shown_rows_in_base_units(page: Page, tmp_path: Path) -> None:
    page.get_by_text("Download", exact=True).click()
    saved = {}
    for name in ("CSV", "JSON", "BibTeX of the methods", "Parquet of all rows"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name).click()
        saved[name] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(saved[name])
    with saved["CSV"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {row["method"]: row for row in json.loads(saved["JSON"].read_text())}
    assert len(rows) == len(found) == 11
    assert found["full"]["train_peak_bytes"] == 2.61e9
    assert {row["method"]: row["train_peak_bytes"] for row in rows}["full"] == "2610000000"
    assert found[EVIL]["protocol"] == "quick"
    assert f"'{EVIL}" in {row["method"] for row in rows}, "no formula for a spreadsheet"
    whole = {row["method"]: row for row in pq.read_table(saved["Parquet of all rows"]).to_pylist()}
    assert whole == found
    papers = saved["BibTeX of the methods"].read_text()
    assert "eprint = {2106.09685}" in papers
    assert "title = {{LoRA: Low-Rank Adaptation of Large Language Models}}" in papers


def test_a_row_opens_with_seeds_study_file_and_record(page: Page) -> None:
    page.get_by_role("button", name="lora", exact=True).click()
    detail = page.get_by_role("group", name="Details of lora")
    expect(detail.locator("table.seeds tbody tr")).to_have_count(0)
    detail.get_by_text("Run it again").click()
    expect(detail.locator("pre").first).to_contain_text('methods = [{ name = "lora"')
    detail.get_by_text("Record of seed 1 as JSON").click()
    expect(detail.locator("pre").last).to_contain_text('"trial_id"')
    page.get_by_role("button", name="lora", exact=True).click()
    expect(detail).to_have_count(0)


def test_two_methods_are_compared_question_by_question(page: Page) -> None:
    page.get_by_label("First method").select_option("lora")
    page.get_by_label("Second method").select_option("ia3")
    expect(page.locator("#versus-count")).to_contain_text("Of 3 questions, lora is better on 2, equal on 1, worse on 0")
    page.get_by_label("Show", exact=True).select_option("0")
    tied = page.locator("#versus-list li")
    expect(tied).to_have_count(1)
    expect(tied).to_contain_text("Reference answer: 42")
    expect(tied.locator(".answer .shown").first).to_have_text(f"{EVIL} lora 0")
    page.get_by_label("Show", exact=True).select_option("1")
    page.get_by_label("Part of the questions").select_option("unseen")
    expect(tied).to_have_count(0)
    page.get_by_label("Part of the questions").select_option("seen")
    expect(tied).to_have_count(2)
    tied.first.get_by_text("Answers of all methods").click()
    expect(tied.first.locator("details .answer")).to_have_count(10)  # made once it has opened
    expect(tied.locator(".asked img")).to_have_count(1)  # one of the two questions has an image
    assert page.evaluate("document.querySelector('#versus-list .asked img').naturalWidth") == SIDE_PIXELS
    assert page.locator("img:not(.asked img)").count() == 0


@pytest.mark.parametrize("width", [390, 1920])
def test_everything_fits_the_width_and_controls_have_names(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("main input, main select, main button")]
             .filter((one) => !(one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim()))
             .map((one) => one.outerHTML)"""
    )
    assert unnamed == []


def test_questions_of_one_group_offer_no_choice_of_groups(open_page: OpenPage, tmp_path: Path) -> None:
    write_study(tmp_path, evidence(drawn_answers({"lora": 0.5, "oft": 0.4}, num_seeds=1, num_questions=20)))
    with open_page(write_study_page(tmp_path, tmp_path / "page.html", None)) as page:
        expect(page.locator("#versus-list li").first).to_be_visible()
        expect(page.get_by_label("Part of the questions")).to_be_hidden()
        expect(page.locator(".question-head").first).not_to_contain_text("(")


@pytest.mark.parametrize("width", [800, 1400, 1920])
def test_everything_begins_at_the_same_left_edge(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    script = "[...document.querySelectorAll('header > *, main > :not(.wide), footer > *')]"
    script += ".filter(one => one.offsetWidth).map(one => one.getBoundingClientRect().left)"
    lefts = page.evaluate(script)
    assert len(lefts) > 5
    assert max(lefts) - min(lefts) < 1
