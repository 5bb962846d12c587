import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from paretune.analysis import judged_rows, no_answers
from paretune.report import write_page
from paretune.report.html.chart import chart_data
from paretune.report.html.page import render_page, script_json
from paretune.spec import EMBEDDED_MODEL, METRICS, Failed, MethodSpec, Recipe
from tests.records import PROVENANCE, make_record, make_records, make_study
from tests.report.page_content import page_data

EVIL = "<script>alert(1)</script>\"'&\u2028<!-- </script"


class Reader(HTMLParser):
    """Collects elements, and the text outside scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in {"script", "style"}:
            self.texts.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(make_records(), make_study())


def test_the_file_is_whole_and_small_and_loads_nothing(tmp_path: Path, page: str) -> None:
    path = tmp_path / "new" / "index.html"
    write_page(make_records(), make_study(), path)
    assert path.read_text(encoding="utf-8") == page
    assert page.startswith("<!doctype html>")
    assert path.stat().st_size < 1_100_000
    assert [entry.name for entry in path.parent.iterdir()] == ["index.html"]
    for tag, attributes in read(page).tags:
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)


def test_everything_a_reader_needs_is_there(page: str) -> None:
    text = re.sub(r"\s+", " ", " ".join(read(page).texts))
    for word in (
        "made-up", "Which method teaches", "toy:llama", "support no claim", "58.3%",
        "49% to 67%", "2.61 GB", "out of memory in phase train: could not allocate 5.3 GB", "dequantised from Q4_1",
        "gradient_accumulation", "peft 0.21.2",
    ):  # fmt: skip
        assert word in text
    for name in {name for record in make_records() for name in record.metrics}:
        assert METRICS[name].definition in text
    assert METRICS["drift"].definition not in text, "nothing here has such a figure"


def test_the_recipe_is_written_in_words(page: str) -> None:
    (section,) = re.findall(r'aria-label="Shared recipe">(.*?)</table>', page, re.DOTALL)
    cells = dict(re.findall(r'<th scope="row"><code>(\w+)</code></th><td>(.*?)</td>', section))
    assert (cells["gradient_checkpointing"], cells["quantisation"]) == ("no", "–")
    assert not {"None", "False", "True"} & set(cells.values())
    assert "where it is not <code>dtype</code>" in section
    assert "`" not in section


def test_nothing_from_records_or_study_becomes_markup() -> None:
    method = MethodSpec(name="x", label=EVIL, implementation="peft", parameters={EVIL: EVIL})
    task = make_record().trial.task.model_copy(update={"name": EVIL})
    records = [
        make_record(method=method, task=task, notes=(EVIL,), groups={EVIL: {"accuracy": 1.0}, "b": {"accuracy": 0.0}}),
        make_record("oft", outcome=Failed(error_type=EVIL, message=EVIL)),
        make_record("ia3"),
    ]
    page = render_page(records, make_study(description=EVIL, base_model=EVIL))
    reader = read(page)
    plain = read(render_page([make_record(), make_record("oft"), make_record("ia3")], make_study()))
    assert sum(tag == "script" for tag, _ in reader.tags) == sum(tag == "script" for tag, _ in plain.tags) == 3
    assert "alert(1)</script>" not in page
    assert any(label.startswith("<script>alert(1)") for label in page_data(page)["rows"]["label"])


def test_departures_are_shown_with_both_values() -> None:
    page = render_page([make_record(recipe=Recipe(steps=60)), make_record("oft")], make_study())
    assert "steps = 60 instead of 40" in page
    assert "recipe differs: steps" in page


def test_a_study_of_failures_has_a_page_without_a_chart() -> None:
    page = render_page([make_record(outcome=Failed(error_type="E", message="broke"))], make_study())
    assert "failed: E: broke" in page
    assert "window.vegaEmbed=" not in page
    assert render_page([], make_study()).startswith("<!doctype html>")


def test_wide_costs_get_a_logarithmic_axis_and_differences_never() -> None:
    rows = judged_rows(make_records(), no_answers)
    chart = chart_data(rows, list(METRICS.values()))
    assert chart is not None
    costs = ["train_peak_bytes", "step_seconds", "checkpoint_bytes", "trainable_parameters", "forgetting"]
    assert chart["costs"] == costs
    assert chart["x"] == [*costs, "accuracy_lenient", "accuracy"]
    assert chart["y"] == ["accuracy_lenient", *costs], "the main metric is chosen by default"
    assert chart["logarithmic"] == ["checkpoint_bytes", "trainable_parameters"]
    (view,) = chart["views"].values()
    assert view == {"incomparable": [], "probable": costs}


def test_no_front_is_drawn_over_what_was_measured_under_different_conditions() -> None:
    other = PROVENANCE.model_copy(update={"num_threads": 8})
    rows = judged_rows([make_record(), make_record("oft", provenance=other)], no_answers)
    chart = chart_data(rows, list(METRICS.values()))
    assert chart is not None
    (view,) = chart["views"].values()
    assert view["incomparable"] == ["step_seconds"]
    assert chart_data(rows[:1], list(METRICS.values())) is None


def test_json_in_a_script_survives_and_cannot_end_it() -> None:
    text = script_json({"a": EVIL})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"a": EVIL}


def test_long_parameters_of_a_method_are_folded() -> None:
    long = {"rank_pattern": {f"layers.{number}": number for number in range(100)}}
    method = MethodSpec(name="adalora", label="adalora", implementation="peft", parameters=long)
    html = render_page([make_record(), make_record("adalora", method=method)], make_study())
    assert html.count("<details>") == 1
    assert "layers.99" in html


def test_the_facts_count_tuning_apart_and_name_the_base_model_as_people_know_it() -> None:
    tuning = [make_record("lora", split="validation", learning_rate=10.0**-power) for power in range(2, 5)]
    study = make_study(methods=["base", "lora"]).model_copy(update={"base_model": EMBEDDED_MODEL})
    page = render_page([make_record("base"), make_record("lora"), *tuning], study)
    tunes = [record for record in tuning if record.trial.tunes]
    assert f"<dd>2 final, and {len(tunes)} for tuning</dd>" in page
    assert f"HuggingFaceTB/SmolLM2-135M-Instruct ({EMBEDDED_MODEL})" in page
    assert ", phase " not in page


def test_columns_that_are_no_metrics_are_explained_below_too(page: str) -> None:
    assert "<dt>Method</dt>" in page
    assert "<dt>Outcome</dt>" in page
    assert "<dt>Outcome</dt>" not in render_page([make_record(), make_record("oft")], make_study()), "all ended well"
