"""Cards parse as the Hub reads them, and text from records stays text."""

import re
from typing import Any

import pytest
import yaml
from huggingface_hub import DatasetCard, ModelCard, RepoCard, SpaceCard
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from paretune.interop.hub.cards import Names, dataset_card, space_card
from paretune.interop.hub.markdown import literal
from paretune.interop.hub.model_card import model_card
from paretune.interop.hub.public_store import PublicCopy
from paretune.spec import METRICS, MethodSpec, Record, TaskSpec, Trial
from tests.records import PROVENANCE, make_record, make_study

NAMES = Names("me/page", "me/records", "https://hub.example", "cc-by-4.0")
EVIL = "x|y`\n---\nsdk: docker\n---\n# <script>alert(1)</script> [a](http://evil.example) <img src=x onerror=alert(1)>"


def head_of(kind: type[RepoCard], text: str) -> Any:
    """Return a card's metadata as the Hub's own parser reads them."""
    return kind(text).data


def rendered(markdown: str) -> str:
    """Return a card's text as HTML, with HTML let through, as the Hub's renderer has it before it is cleaned."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


def hostile() -> list[Record]:
    method = MethodSpec(name=EVIL, label=EVIL, implementation="peft", peft_type="LORA")
    task = TaskSpec(name=EVIL, version=EVIL, content_hash="0")
    metric = METRICS["accuracy"].model_copy(update={"definition": EVIL, "label": EVIL})
    record = make_record(method=method, task=task.model_copy(update={"metrics": (metric,)}), base_model=EVIL)
    provenance = PROVENANCE.model_copy(update={"device": EVIL})
    return [record.model_copy(update={"provenance": provenance})]


def copy_of(records: list[Record], **changes: Any) -> PublicCopy:
    study = make_study(description=EVIL)
    return PublicCopy(study, records, **{"with_answers": True, "withheld": [EVIL], **changes})


def cards(records: list[Record]) -> dict[str, str]:
    columns = ["trial_id", "method", "accuracy"]
    return {
        "space": space_card(copy_of(records), NAMES),
        "dataset": dataset_card(copy_of(records), NAMES, columns, model_cards=True),
        "model": model_card(records[0], "made-up", NAMES),
    }


@pytest.mark.parametrize("kind", ["space", "dataset", "model"])
def test_no_text_breaks_out_of_a_card(kind: str) -> None:
    text = cards(hostile())[kind]
    head, body = text.removeprefix("---\n").split("\n---\n", 1)
    assert "<" not in body
    read = yaml.safe_load(head)
    assert head_of(RepoCard, text).to_dict() == read, "what the Hub's own parser reads"
    assert read.get("sdk") == ("static" if kind == "space" else None)
    page = rendered(body)
    assert not re.search(r"<(script|img)", page)
    assert "evil.example" in page
    assert 'href="http://evil' not in page
    assert not re.search(r"<h[1-6]>sdk|<hr", page)
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    assert len({len(re.findall("<t[dh]", row)) for row in rows}) <= 2, "no text adds a cell"


@given(st.text())
def test_any_text_is_shown_as_it_is(text: str) -> None:
    html = rendered(literal(text))
    shown = re.sub(r"^<p>(.*)</p>$", r"\1", html.strip(), flags=re.DOTALL)
    assert "<" not in shown
    plain = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    expected = "".join(letter if letter.isprintable() else " " for letter in text)
    assert plain.split() == expected.split()


def test_the_space_is_static_and_names_its_data_set() -> None:
    data = head_of(SpaceCard, cards([make_record()])["space"])
    assert (data.sdk, data.app_file, data.license) == ("static", "index.html", "cc-by-4.0")
    assert data.datasets == ["me/records"]
    assert "paretune" in data.tags
    assert len(data.short_description) <= 60, "what the Hub shows"
    without = space_card(copy_of([make_record()]), NAMES._replace(licence=None))
    assert head_of(SpaceCard, without).license is None
    assert "license" not in without


def test_the_data_set_s_card_explains_its_columns() -> None:
    text = cards([make_record()])["dataset"]
    data = head_of(DatasetCard, text)
    assert [one["config_name"] for one in data.configs] == ["results", "answers"]
    for column in ("trial\\_id", "method", "accuracy", "item\\_id"):
        assert f"| {column} |" in text
    assert METRICS["accuracy"].definition[:30] in text
    without = dataset_card(copy_of([make_record()], with_answers=False, withheld=[]), NAMES, ["method"])
    assert [one["config_name"] for one in head_of(DatasetCard, without).configs] == ["results"]
    assert "item\\_id" not in without


def test_a_model_card_holds_the_results_in_the_hub_s_format() -> None:
    record = make_record(base_model="hub:org/model@main", seed=3)
    data = head_of(ModelCard, model_card(record, "made-up", NAMES))
    assert (data.base_model, data.model_name) == ("org/model", "made-up-lora-seed-3")
    results = {one.metric_type: one for one in data.eval_results}
    assert results["accuracy"].metric_value == record.metrics["accuracy"]
    assert results["accuracy"].dataset_split == "test"
    assert results["accuracy"].source_url == "https://hub.example/datasets/me/records"
    assert "train_peak_bytes" not in results, "what the task scores, and no costs"


def test_a_model_card_names_the_hub_s_data_set_where_there_is_one() -> None:
    options = {"train": "hub:x/y@1:a.json", "test": "hub:openai/gsm8k@abc:main/test.parquet"}
    task = TaskSpec(name="gsm8k", version="1", options=options, content_hash="0", locations=("train", "test"))
    (result,) = {
        (one.dataset_type, one.dataset_revision)
        for one in head_of(ModelCard, model_card(make_record(task=task), "made-up", NAMES)).eval_results
    }
    assert result == ("openai/gsm8k", "abc")


def test_values_that_are_no_numbers_are_left_out() -> None:
    record = make_record()
    record = record.model_copy(update={"metrics": record.metrics | {"accuracy": float("nan")}})
    data = head_of(ModelCard, model_card(record, "made-up", NAMES))
    assert "accuracy" not in {one.metric_type for one in data.eval_results}


def test_a_trial_of_its_own_kind_keeps_its_kind() -> None:
    trial = Trial.model_validate(make_record().trial.model_dump() | {"task": {
        "name": "t", "version": "1", "content_hash": "0", "kind": "classifier"}})  # fmt: skip
    data = head_of(ModelCard, model_card(make_record().model_copy(update={"trial": trial}), "made-up", NAMES))
    assert {one.task_type for one in data.eval_results} == {"text-classification"}
