"""How likely a model finds answers, and what it chooses."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from paretune.engine import LanguageRespondent, answering, check_references, encode, encode_question
from paretune.models import load_model
from paretune.models.toy import toy_tokenizer
from paretune.spec import InputError, Recipe
from paretune.tasks.own_data import OwnData
from paretune.tasks.scoring import score_all
from tests.engine.test_answering import TEMPLATE

LABELS = ("no", "yes indeed", "perhaps so")


def labelled(folder: Path, **options: Any) -> OwnData:
    path = folder / "labels.jsonl"
    rows = [{"text": f"Is it {n}?", "label": LABELS[n % 3], "among": [*LABELS[::-1], f"{n}"]} for n in range(60)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return OwnData({"path": str(path), "metric": "choice,perplexity", **options})


def respondent(task: OwnData, template: str | None = None, **settings: Any) -> LanguageRespondent:
    model, tokenizer, *_ = load_model("toy:llama")
    tokenizer.chat_template = template
    return LanguageRespondent(model, tokenizer, task, Recipe(), **{"batch_size": 5, **settings})


@pytest.mark.parametrize("template", [None, TEMPLATE])
@pytest.mark.parametrize("num_shots", [0, 2])
def test_a_loss_is_that_of_the_answer_after_its_question(tmp_path: Path, template: str | None, num_shots: int) -> None:
    task = labelled(tmp_path)
    asked = respondent(task, template, num_shots=num_shots)
    model, tokenizer = asked._model, asked._tokenizer
    examples = [*task.examples("test")[:7]]
    for one, loss in zip(examples, asked.losses(examples), strict=True):
        shots, opening = task.examples("train")[:num_shots], task.few_shot(num_shots)
        prompt = encode_question(one, tokenizer, shots, opening)
        due = encode(one, tokenizer).answer
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + due])).logits[0, len(prompt) - 1 : -1]
        assert loss.num_tokens == len(due)
        assert loss.nats == pytest.approx(cross_entropy(logits, torch.tensor(due), reduction="sum").item(), rel=1e-5)


def test_the_likeliest_is_chosen_and_nothing_is_generated(tmp_path: Path) -> None:
    task = labelled(tmp_path)
    asked = respondent(task)
    examples = [*task.examples("test")]
    answers = task.ask(asked, examples)
    assert asked.written is None
    assert not task.generates
    assert {one.choices for one in examples} == {tuple(sorted(LABELS))}
    for one, answer in zip(examples, answers, strict=True):
        losses = [asked.losses([one.answered(choice)])[0].nats for choice in LABELS]
        assert answer.text == LABELS[losses.index(min(losses))]
        assert answer.values["choice"] == (answer.text == one.target)
    found = score_all(task, examples, answers)
    losses_read: list[Any] = [one.readings["perplexity"] for one in answers]
    mean = sum(loss.nats for loss in losses_read) / sum(loss.num_tokens for loss in losses_read)
    assert found.metrics["perplexity"] == pytest.approx(torch.tensor(mean).exp().item(), rel=1e-5)
    assert found.metrics.keys() == {"choice", "perplexity", "reference_loss"}
    assert found.standard_errors.keys() == found.metrics.keys()


def test_choices_come_from_a_column(tmp_path: Path) -> None:
    task = labelled(tmp_path, choices="among")
    assert {one.choices[:3] for one in task.examples("train")} == {LABELS[::-1]}
    assert task.content_hash != labelled(tmp_path).content_hash
    assert check_references(task, toy_tokenizer(), answering(task, toy_tokenizer())) > 5


def test_written_and_chosen_answers_of_one_run(tmp_path: Path) -> None:
    task = labelled(tmp_path, metric=["choice", "contains"])
    asked = respondent(task)
    answers = task.ask(asked, task.examples("test")[:3])
    assert asked.written is not None
    assert all(one.values.keys() == {"choice", "contains"} for one in answers)


def test_plain_text_is_read_as_far_as_max_length_goes(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("".join(f"Line {n} of the book is long.\n" for n in range(60)), "utf-8")
    task = OwnData({"path": str(path), "metric": "perplexity"})
    model, tokenizer, *_ = load_model("toy:llama")
    example = task.examples("test")[0]
    (whole,) = LanguageRespondent(model, tokenizer, task, Recipe(), batch_size=1).losses([example])
    (cut,) = LanguageRespondent(model, tokenizer, task, Recipe(max_length=9), batch_size=1).losses([example])
    assert whole.num_tokens == encode(example, tokenizer).num_tokens - 1
    assert cut.num_tokens == 8
    assert cut.nats < whole.nats


@pytest.mark.parametrize(
    ("completions", "metric", "words"),
    [
        (["{broken", '{"a": 1}'], "json", "for JSON field match a reference must be valid JSON"),
        (["so: 1", "none"], "regex:so: (.)", "text that the pattern so: (.) matches"),
        (["the", "cat"], "f1", "more than punctuation and articles"),
        ([str(n) for n in range(60)], "choice", "one of the answers to choose from"),
    ],
)  # fmt: skip
def test_a_reference_that_the_metric_cannot_use_is_named(
    tmp_path: Path, completions: list[str], metric: str, words: str
) -> None:
    path = tmp_path / "data.jsonl"
    rows = [{"prompt": f"p {n}", "completion": completions[n % len(completions)]} for n in range(60)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    task, tokenizer = OwnData({"path": str(path), "metric": metric}), toy_tokenizer()
    with pytest.raises(InputError, match="references could not be scored right") as caught:
        check_references(task, tokenizer, answering(task, tokenizer))
    assert words in str(caught.value)
    assert "(row " in str(caught.value)


def test_references_too_short_for_bleu_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("sacrebleu")
    path = tmp_path / "data.csv"
    path.write_text("question,answer\n" + "".join(f"q {n},two words\n" for n in range(60)), "utf-8")
    task, tokenizer = OwnData({"path": str(path), "metric": "bleu"}), toy_tokenizer()
    with pytest.raises(InputError, match="BLEU of the references themselves is 0, where 100 would be best"):
        check_references(task, tokenizer, answering(task, tokenizer))
