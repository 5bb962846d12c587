"""What a prompt and a notebook show of results."""

import io
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

import paretune
from paretune.report import results_summary
from paretune.report.decisions import claim_lines, comparison_lines, recommendation_lines
from paretune.report.estimates import estimate_line
from paretune.spec import Failed, Provenance, Recipe, Study
from paretune.spec.base import Data
from paretune.spec.memory import Estimates, MemoryEstimate, MemoryKind, MemoryPeak, NotEstimated
from paretune.store import Records, Store, load_planned_records, load_records, read_plan
from tests.records import make_record

STUDY = Path(__file__).parents[2] / "docs" / "examples" / "word-problems"
ESTIMATE = MemoryEstimate(
    model="<b>model</b>",
    method="lora",
    device="cpu",
    batch_size=4,
    sequence_length=64,
    train=MemoryPeak(peak_bytes=10**9, by_kind={MemoryKind.LOGITS: 10**9}),
    trainable_parameters=1000,
    total_parameters=10**6,
    assumptions=("a " * 500,),
    seconds=1.0,
)


class _Words(HTMLParser):
    """The text of an HTML fragment, and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


def _same_words(text: str, html: str) -> bool:
    words = _Words(html)
    return words.tags <= {"pre", "span"} and words.text.split() == text.split()


@pytest.fixture(scope="module")
def objects() -> list[object]:
    return [
        paretune.compare(STUDY, "rslora", "lora"),
        paretune.recommend(STUDY),
        paretune.claim(STUDY, "rslora beats lora"),
        paretune.pareto(STUDY),
        Store(STUDY).study(),
        load_records(STUDY)[-1],
        load_records(STUDY),
        ESTIMATE,
    ]


def test_every_repr_is_one_short_line(objects: list[object]) -> None:
    for one in objects:
        assert "\n" not in repr(one)
        assert len(repr(one)) < 300, repr(one)


def test_a_record_s_repr_says_which_and_how_it_ended() -> None:
    record = make_record(seed=3, train_losses=(0.5,) * 1000)
    assert repr(record) == (
        "Record(method='lora', task='word_problems', learning_rate=0.002, seed=3, split='test', outcome='ok', "
        "accuracy=0.4833)"
    )
    failed = make_record(outcome=Failed(error_type="ValueError", message="no", traceback="line\n" * 1000), metrics={})
    assert "outcome='failed'" in repr(failed)
    assert "failed: ValueError: no" in str(failed)


def test_other_data_shows_what_differs_from_its_defaults_and_shortens_what_is_long() -> None:
    assert repr(Recipe(steps=7)) == "Recipe(steps=7)"
    long = Failed(error_type="E", message="m" * 5000)
    assert len(repr(long)) < 300
    assert repr(long).startswith("Failed(error_type='E', message='mmm")
    packages = {f"package{place:03}": "1.0" for place in range(200)}
    changes = {"packages": packages, "python": "3", "git_commit": None, "platform": "x", "device": "cpu"}
    provenance = Provenance.model_validate(changes | {"num_threads": 1, "concurrent_workers": None})
    assert len(repr(provenance)) < 400


def test_data_that_differ_in_one_short_field_have_different_reprs() -> None:
    assert repr(Recipe(steps=7, batch_size=2)) != repr(Recipe(steps=7, batch_size=3))
    assert repr(Recipe()) == "Recipe()"


def test_print_and_notebook_show_the_sentences_of_the_command(objects: list[object]) -> None:
    comparison, recommendation, judgement = objects[:3]
    assert isinstance(comparison, Data)
    assert str(comparison) == "\n".join(comparison_lines(comparison))  # type: ignore[arg-type]
    assert str(recommendation) == "\n".join(recommendation_lines(recommendation))  # type: ignore[arg-type]
    assert str(judgement) == "\n".join(claim_lines(judgement))  # type: ignore[arg-type]
    assert str(ESTIMATE) == estimate_line(ESTIMATE)
    for one in (comparison, recommendation, judgement, ESTIMATE):
        assert _same_words(str(one), one._repr_html_())  # type: ignore[attr-defined]


def test_records_show_the_table_of_results() -> None:
    records = load_records(STUDY)
    assert repr(records) == f"Records({str(STUDY)!r}: 82 trials of 10 methods, 82 ok)"
    console = Console(file=io.StringIO(), record=True, width=160)
    console.print(results_summary(load_planned_records(STUDY), Store(STUDY).scores, read_plan(STUDY)))
    assert str(records).split() == console.export_text().split()
    assert _same_words(str(records), records._repr_html_())
    assert records == list(records)
    assert [one.trial_id for one in records[:2]] == [one.trial_id for one in list(records)[:2]]


def test_estimates_show_the_table_of_the_command() -> None:
    estimates = Estimates([ESTIMATE, NotEstimated(model="m", method="oft", reason="none")])
    assert "Training" in str(estimates)
    assert "oft: none" in str(estimates)
    assert _same_words(str(estimates), estimates._repr_html_())


def test_a_study_shows_what_it_compares(objects: list[object]) -> None:
    study = objects[4]
    assert isinstance(study, Study)
    assert "Methods: base, base-few-shot, full, lora, rslora, oft" in str(study)
    assert "5 for every method, chosen by validation loss" in str(study)
    assert _same_words(str(study), study._repr_html_())


def test_html_escapes_what_comes_from_data(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>"
    record = make_record(bad, notes=(f"{bad}\x1b[31m",))
    Store(tmp_path).folder.mkdir(exist_ok=True)
    for html in (record._repr_html_(), Records([record], tmp_path)._repr_html_(), ESTIMATE._repr_html_()):
        assert _Words(html).tags <= {"pre", "span"}
        assert "\x1b" not in html
