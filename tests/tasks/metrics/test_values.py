"""What each metric gives to an answer, against worked examples and the libraries."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paretune.spec import InputError
from paretune.tasks import Example
from paretune.tasks.metrics import TextMetric, chosen_metrics
from paretune.tasks.metrics.registry import names_in
from paretune.tasks.scoring import score_answers
from paretune.testing.task_contract import arbitrary_texts

SENTENCES = [
    ("the cat sat on a mat", "the cat sat on the mat"),
    ("It is not so much that.", "It is so much more than that, is it not?"),
    ("", "Nothing was said here."),
    ("Good morning to all of you", "Good morning to all of you"),
    ("völlig anders, 12 %", "völlig gleich, 12 %"),
]


def example(target: str) -> Example:
    return Example("q", "Question", f" {target}", target, "all")


def metric(name: str) -> TextMetric:
    (found,) = chosen_metrics([name], "a test")
    assert isinstance(found, TextMetric)
    return found


def scored(name: str, text: str, target: str) -> Mapping[str, float]:
    return metric(name).score(text, example(target))


@pytest.mark.parametrize(
    ("name", "text", "target", "value"),
    [
        ("contains", "I say: Lima, of course.", "lima", 1),
        ("contains", "Lima  is\nnice", "lima is", 1),
        ("contains", "climate", "lima", 0),
        ("contains", "17", "7", 0),
        ("contains", "17 and 7", "7", 1),
        ("contains", "7.", "7", 1),
        ("contains", "答えは東京です", "東京", 1),
        ("contains", "", "7", 0),
        ("f1", "The cat.", "a cat", 1),
        ("f1", "the cat sat", "cat", 2 * 1 * 0.5 / 1.5),
        ("f1", "cat cat", "cat", 2 * 1 * 0.5 / 1.5),
        ("f1", "", "cat", 0),
        ("f1", "dog", "cat", 0),
        ("json", '{"a": 1, "b": [true, "x"]}', '{"b": [true, "x"], "a": 1.0}', 1),
        ("json", '{"a": 1, "b": [1, "x"]}', '{"a": 1, "b": [true, "x"]}', 2 / 3),
        ("json", '{"a": 1, "c": 2}', '{"a": 1}', 1),
        ("json", '{"a": 1', '{"a": 1}', 0),
        ("json", 'Here: {"a": 1}', '{"a": 1}', 0),
        ("json", '{"a": NaN}', '{"a": null}', 0),
        ("json", "{}", '{"a": {}}', 0),
        ("json", "[" * 100_000, "[]", 0),
        ("regex:answer: *(\\w+)", "The Answer: is no. answer: YES", "answer: yes", 1),
        ("regex:answer: *(\\w+)", "answer: no, answer: yes", "so, answer: yes", 0),
        ("regex:answer: *(\\w+)", "yes", "answer: yes", 0),
        ("regex:[0-9]+", "about 12", "12 or 13", 1),
        ("regex:(a+)+$", "a" * 5000 + "b", "aaa", 0),
        ("regex:x(.*)", "x", "x", 1),
    ],
)  # fmt: skip
def test_a_worked_example(name: str, text: str, target: str, value: float) -> None:
    found = scored(name, text, target)
    assert next(iter(found.values())) == pytest.approx(value)


def test_json_that_is_none_and_json_that_differs() -> None:
    assert scored("json", "so it is", '{"a": 1}') == {"json_fields": 0, "json_valid": 0}
    assert scored("json", "[1]", '{"a": 1}') == {"json_fields": 0, "json_valid": 1}


class TestLibraries:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("rouge_score")
        pytest.importorskip("sacrebleu")

    def test_rouge_l_is_the_library_s(self) -> None:
        from rouge_score.rouge_scorer import RougeScorer

        scorer = RougeScorer(["rougeL"], use_stemmer=False)
        for text, target in SENTENCES:
            assert scored("rouge_l", text, target)["rouge_l"] == scorer.score(target, text)["rougeL"].fmeasure

    def test_chrf_is_the_library_s(self) -> None:
        import sacrebleu

        for text, target in SENTENCES:
            assert scored("chrf", text, target)["chrf"] == pytest.approx(sacrebleu.sentence_chrf(text, [target]).score)

    def test_bleu_is_the_library_s_over_all_and_without_each(self) -> None:
        import sacrebleu

        bleu = metric("bleu").corpus_metrics["bleu"]
        assert bleu.read is not None
        read = [bleu.read(text, example(target)) for text, target in SENTENCES]
        for left_out in range(len(SENTENCES) + 1):
            kept = [pair for place, pair in enumerate(SENTENCES) if place != left_out]
            theirs = sacrebleu.corpus_bleu([text for text, _ in kept], [[target for _, target in kept]]).score
            counts = [one for place, one in enumerate(read) if place != left_out]
            assert bleu.value(counts) == pytest.approx(theirs)


def names() -> list[str]:
    found = ["exact_match", "contains", "f1", "json", "regex:(\\d+)"]
    for library, more in (("rouge_score", ["rouge_l"]), ("sacrebleu", ["chrf", "bleu"])):
        try:
            __import__(library)
        except ImportError:
            continue
        found += more
    return found


@pytest.mark.parametrize("name", names())
def test_arbitrary_text_has_a_value_within_bounds(name: str) -> None:
    one = metric(name)
    declared = {each.name: each for each in one.metrics if each.per == "item"}

    @settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.one_of(st.text(max_size=30), st.sampled_from([*arbitrary_texts()])), st.sampled_from(['{"a": [1]}', "12"])
    )
    def check(text: str, target: str) -> None:
        found = one.score(text, example(target))
        assert found.keys() == declared.keys()
        assert all(declared[key].within(value) == value and math.isfinite(value) for key, value in found.items())
        for corpus in one.corpus_metrics.values():
            assert corpus.read is not None
            assert hash(corpus.read(text, example(target))) is not None

    check()


def test_several_are_named_with_commas_and_a_pattern_comes_last() -> None:
    assert names_in("f1, contains") == ["f1", "contains"]
    assert names_in("json,regex:a{1,2},b") == ["json", "regex:a{1,2},b"]
    assert names_in("f1,") == ["f1"]


@pytest.mark.parametrize(
    ("given_names", "words"),
    [
        (["f2"], ['unknown metric "f2"', "regex:PATTERN", "perplexity"]),
        (["f1", "f1"], ['"f1" is there twice']),
        (["regex"], ["write regex:PATTERN"]),
        (["regex:("], ["missing )"]),
        (["f1:3"], ["write f1 alone"]),
    ],
)  # fmt: skip
def test_a_metric_that_there_is_not_is_one_line(given_names: list[str], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        chosen_metrics(given_names, "option metric")
    assert str(caught.value).startswith("option metric: ")
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)


def test_a_pattern_is_part_of_its_definition() -> None:
    (one,) = metric("regex:so: (.)").metrics
    assert "in which the pattern so: (.) first finds" in one.definition


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretune.tasks.metrics.base.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r'metric "rouge_l" needs rouge-score: pip install "paretune\[metrics\]"'):
        chosen_metrics(["rouge_l"], "option metric")


def test_values_of_several_metrics_are_kept_by_item(tmp_path: Any) -> None:
    from paretune.tasks.own_data import OwnData

    path = tmp_path / "data.csv"
    path.write_text("question;answer\n" + "".join(f"What is {n}?;the number {n}\n" for n in range(40)), "utf-8")
    task = OwnData({"path": str(path), "metric": "f1,contains"})
    assert [one.name for one in task.card.metrics] == ["f1", "contains"]
    examples = task.examples("test")[:2]
    found = score_answers(task, examples, [examples[0].target, "number"])
    assert found.items[0].scores == {"f1": 1.0, "contains": 1.0}
    assert found.items[1].scores == {"f1": pytest.approx(2 / 3), "contains": 0.0}
    assert found.metrics == {"f1": pytest.approx(5 / 6), "contains": 0.5}
