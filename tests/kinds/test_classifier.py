"""Texts are sorted into classes by encoders and decoders with a head, in trials like any other."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from paretune.cli.evaluate import evaluate_checkpoint
from paretune.engine.classification import Labelled, classification_loss, classify, labelled_batch
from paretune.engine.heads import head_reading
from paretune.execute.check import check_trials
from paretune.execute.executor import Finished
from paretune.execute.plan import plan
from paretune.execute.trial import run_trial
from paretune.kinds import kind_of
from paretune.models import Head, load_model
from paretune.models.toy import toy_model, toy_tokenizer
from paretune.models.toy_encoder import toy_encoder
from paretune.spec import CLASSIFIER, InputError, Study, Trial
from paretune.tasks import registry
from tests.kinds.first_letter import FirstLetter
from tests.methods.real_path import Silent

HEAD = Head("AutoModelForSequenceClassification", {"num_labels": 2}, seed=1)


@pytest.fixture(autouse=True)
def _known_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_OWN", (*registry._OWN, FirstLetter))


def trials(base_model: str, *methods: Any, **values: Any) -> list[Trial]:
    recipe = {"steps": 24, "batch_size": 4, "schedule": "constant", **values.pop("recipe", {})}
    study = {"name": "x", "base_model": base_model, "tasks": ["first_letter"], "methods": methods, "recipe": recipe}
    return plan(Study.read({"learning_rates": [1e-2], **study, **values}, "the test"))


def ran(trial: Trial, folder: Path) -> Finished:
    return run_trial(trial, folder, attempt=1, concurrent_workers=1, listener=Silent())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("base_model", ["encoder", "toy:llama"])
def test_a_study_trains_a_head_and_scores_every_text(
    base_model: str, encoder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, lora = trials(encoder if base_model == "encoder" else base_model, "base", "lora")
    check_trials([base, lora])
    record, items, _ = ran(lora, tmp_path / "lora")
    assert record.outcome.kind == "ok", record.outcome
    assert record.trial.model_kind == CLASSIFIER
    assert record.train_losses[-1] < record.train_losses[0] / 2
    assert items is not None
    assert [item.target for item in items] == ["vowel", "vowel", "vowel", "consonant", "consonant"]
    assert all(item.scores == {"accuracy": item.text == item.target} for item in items)
    assert record.metrics["accuracy"] == sum(item.scores["accuracy"] for item in items) / 5
    assert {"validation_loss", "train_peak_bytes", "answer_peak_bytes"} <= record.metrics.keys()
    assert "forgetting" not in record.metrics
    evaluate_checkpoint(tmp_path / "lora", None, None, None, as_json=True)
    evaluated = json.loads(capsys.readouterr().out)
    assert (evaluated["metrics"]["accuracy"], evaluated["num_items"]) == (record.metrics["accuracy"], 5)
    with pytest.raises(InputError, match='it was trained as "classifier", and the task "word_problems" is put to'):
        evaluate_checkpoint(tmp_path / "lora", "word_problems", None, None, as_json=True)
    again, items_again, _ = ran(lora, tmp_path / "again")
    assert (again.train_losses, items_again) == (record.train_losses, items)
    assert record.metrics["head_parameters"] == 2 * 64 + (2 if base_model == "encoder" else 0)
    assert record.metrics["head_parameters"] < record.metrics["trainable_parameters"]
    untrained, said, _ = ran(base, tmp_path / "base")
    assert untrained.outcome.kind == "ok", untrained.outcome
    assert said is not None
    assert {item.text for item in said} == {"consonant"}
    assert any('every text gets "consonant", the most frequent answer' in note for note in untrained.notes)


def test_the_head_follows_the_seed_and_the_body_does_not(encoder: str) -> None:
    def weights(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        model = load_model(encoder, head=HEAD._replace(seed=seed)).model
        return model.classifier.weight, model.bert.embeddings.word_embeddings.weight

    (first, body), (other, same), (again, _) = weights(1), weights(2), weights(1)
    assert first.shape == (2, 64)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(body, same)


def test_a_toy_with_a_head_has_the_toy_s_body() -> None:
    body = load_model("toy:llama", head=HEAD).model.model.embed_tokens.weight
    assert torch.equal(body, toy_model().model.embed_tokens.weight)


def test_missing_weights_of_the_body_are_refused(tmp_path: Path) -> None:
    model = toy_encoder()
    kept = {name: value for name, value in model.state_dict().items() if "layer.1.attention.self.query" not in name}
    model.save_pretrained(tmp_path, state_dict=kept)
    toy_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"2 weights in .* are missing .* bert.encoder.layer.1.attention"):
        load_model(f"path:{tmp_path}", head=HEAD)


def test_what_could_only_fail_in_a_trial_is_refused_while_planning(encoder: str) -> None:
    with pytest.raises(InputError, match='example train-b has the label "neither"; there is vowel, consonant'):
        check_trials(trials(encoder, "lora", tasks=[{"name": "first_letter", "options": {"wrong_label": True}}]))
    with pytest.raises(InputError, match='needs a language model or an encoder; base_model is "shipped:drawings"'):
        check_trials(trials("shipped:drawings", "lora"))


def test_a_parameter_that_the_model_cannot_use_is_refused_while_planning() -> None:
    entry = {"name": "lora", "parameters": {"layers_to_transform": [31]}}
    with pytest.raises(InputError, match="layers_to_transform"):
        check_trials(trials("toy:llama", entry))


def test_the_loss_and_the_class_of_a_text_do_not_depend_on_padding(encoder: str) -> None:
    model, reading = load_model(encoder, head=HEAD).model, head_reading(FirstLetter())
    rows = [Labelled([7, 8, 9], 0), Labelled([9, 5, 6, 7, 11, 12], 1), Labelled([4, 5], 1)]
    with torch.no_grad():
        together = classification_loss(model, labelled_batch(rows, pad_id=0))
        alone = sum(classification_loss(model, labelled_batch([row], pad_id=0)) for row in rows)
        expected = [int(model(torch.tensor([row.input_ids])).logits.argmax()) for row in rows]
    torch.testing.assert_close(together, alone)
    two, one = (classify(model, rows, reading, 0, batch_size=size) for size in (2, 1))
    assert two == one == [FirstLetter.labels[number] for number in expected]


def test_a_classifier_s_task_is_known_by_its_kind() -> None:
    assert kind_of(FirstLetter()).name == CLASSIFIER
    assert FirstLetter().spec().kind == CLASSIFIER


def test_outputs_that_are_not_finite_are_no_answers() -> None:
    reading, model = head_reading(FirstLetter()), toy_encoder()
    with torch.no_grad():
        model.classifier.bias.fill_(float("nan"))
    with pytest.raises(InputError, match="the head gives outputs that are not finite numbers"):
        classify(model, [Labelled([5, 6, 7], 0)], reading, pad_id=0, batch_size=1)
