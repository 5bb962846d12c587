"""The head is trained alone: the base model stays as it is, and goes on no other kind of model."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from paretune.audit.method import audit_method
from paretune.execute.check import check_trials
from paretune.kinds import kind_named
from paretune.measure import folder_bytes
from paretune.methods import Context, build, resolve
from paretune.models.toy import toy_model
from paretune.models.toy_encoder import toy_encoder
from paretune.spec import CLASSIFIER, DIFFUSION, InputError, MethodEntry, NotApplicable, Recipe
from paretune.tasks import registry
from tests.kinds.first_letter import FirstLetter
from tests.kinds.test_classifier import ran, trials

SPEC = resolve(MethodEntry(name="head"))


@pytest.fixture(autouse=True)
def _known_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_OWN", (*registry._OWN, FirstLetter))


def context(**recipe: Any) -> Context:
    return Context(Recipe(steps=4, **recipe), 1e-2, 0, tokenizer=None, kind=kind_named(CLASSIFIER).traits)


@pytest.mark.filterwarnings("ignore")
def test_a_trial_trains_the_head_and_nothing_else(tmp_path: Path) -> None:
    (trial,) = trials("toy:bert", "head")
    check_trials([trial])
    record, items, _ = ran(trial, tmp_path)
    assert record.outcome.kind == "ok", record.outcome
    assert record.train_losses[-1] < record.train_losses[0]
    assert record.metrics["trainable_parameters"] == record.metrics["head_parameters"] == 2 * 64 + 2
    assert record.metrics["checkpoint_bytes"] < 2000
    assert items is not None
    assert record.audit is not None


def test_the_base_model_keeps_its_values_in_each_dtype() -> None:
    for dtype in ("float32", "bfloat16"):
        base = toy_encoder().to(getattr(torch, dtype))
        before = copy.deepcopy(base.state_dict())
        model = build(SPEC).wrap(base, context(dtype=dtype))
        optimizer = build(SPEC).optimizer(model, context())
        tokens = torch.arange(4, 24).reshape(2, 10)
        model(input_ids=tokens).logits.float().square().mean().backward()
        optimizer.step()
        moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name].to(value))}
        assert moved == {"classifier.weight", "classifier.bias"}
        assert {name: value.dtype for name, value in model.named_parameters() if name in moved} == dict.fromkeys(
            moved, torch.float32
        )


def test_a_checkpoint_of_another_head_is_refused(tmp_path: Path) -> None:
    method = build(SPEC)
    model = method.wrap(toy_encoder(), context()._replace(head=("classifier", "bert.pooler.dense")))
    method.save(model, tmp_path)
    (tmp_path / "head.json").write_text('{"modules": ["classifier"]}', "utf-8")
    with pytest.raises(InputError, match=r"head is another: bert.pooler.dense.bias"):
        build(SPEC).load(toy_encoder(), tmp_path)
    assert folder_bytes(tmp_path) > 0


def test_it_is_refused_where_no_head_is() -> None:
    study = {"tasks": [{"name": "word_problems", "options": {"train_size": 8}}], "recipe": {"steps": 2}}
    with pytest.raises(InputError, match=r'"head": goes with tasks of the kind classifier only; .* kind causal-lm'):
        check_trials(trials("toy:llama", "head", **study))
    with pytest.raises(InputError, match="the model has no head to train; take a task with labels"):
        build(SPEC).wrap(toy_model(), context())


@pytest.mark.filterwarnings("ignore")
def test_its_audit_passes_on_a_classifier_and_does_not_apply_elsewhere() -> None:
    subjects = [kind_named(name).subject(None, tied=False) for name in (CLASSIFIER, DIFFUSION)]
    audit = audit_method(SPEC, [subject for subject in subjects if subject is not None])
    assert audit.failed(CLASSIFIER).keys() == set()
    verdict = audit.verdict("attaches", DIFFUSION)
    assert isinstance(verdict, NotApplicable)
    assert verdict.reason == "for models of the kind classifier only"
