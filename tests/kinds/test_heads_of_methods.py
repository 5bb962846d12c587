"""Every method that goes with a head trains it, saves it, and says the same after it was loaded again."""

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from paretune.kinds import kind_named
from paretune.measure import head_parameters, trainable_parameters
from paretune.methods import build, resolve
from paretune.methods.presets import PRESETS
from paretune.models import Head, load_model
from paretune.models.toy import toy_tokenizer
from paretune.models.toy_encoder import toy_encoder
from paretune.spec import CLASSIFIER, InputError, MethodEntry, Recipe, Unavailable

KIND = kind_named(CLASSIFIER)
HEAD = Head("AutoModelForSequenceClassification", {"num_labels": 3}, seed=1)
NOT_HERE = {"loftq"}
"""Needs a package that is not installed."""
LANGUAGE_ONLY = {"cpt", "xlora"}
REFUSED = {
    "toy:bert": {"adaption-prompt", "shadow", "trainable-tokens"},
    "toy:llama": {"adaption-prompt", "trainable-tokens", "prompt-tuning", "p-tuning", "multitask-prompt-tuning"},
}
TRAINED = [name for name, preset in PRESETS.items() if resolve(MethodEntry(name=name)).trains and name not in NOT_HERE]


@pytest.fixture(scope="module")
def bases() -> dict[str, Any]:
    """A toy encoder and a toy language model, each with a new head."""
    return {reference: load_model(reference, head=HEAD) for reference in REFUSED}


def says(model: nn.Module) -> torch.Tensor:
    tokens = torch.arange(4, 24).reshape(2, 10)
    with torch.no_grad():
        logits: torch.Tensor = model.eval()(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits
    return logits


@pytest.mark.parametrize("reference", REFUSED)
@pytest.mark.parametrize("name", TRAINED)
def test_the_head_is_trained_saved_and_loaded(name: str, reference: str, bases: dict[str, Any], tmp_path: Path) -> None:
    loaded = bases[reference]
    method = build(resolve(MethodEntry(name=name)))
    context = KIND.context(Recipe(steps=4), 1e-3, 0, toy_tokenizer())
    context = context._replace(head=KIND.head(loaded.model, loaded.drawn))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name in REFUSED[reference] | LANGUAGE_ONLY:
            with pytest.raises((Unavailable, InputError, ValueError, AttributeError)):
                method.wrap(copy.deepcopy(loaded.model), context)
            return
        model = method.wrap(copy.deepcopy(loaded.model), context)
        optimizer = method.optimizer(model, context)
        of_head = head_parameters(model, optimizer, context.head)
        assert of_head == sum(
            parameter.numel() for key, parameter in loaded.model.named_parameters() if key.startswith(context.head)
        )
        trained = trainable_parameters(optimizer)
        assert of_head == trained if name == "head" else 0 < of_head < trained
        untrained = says(model)
        generator = torch.Generator().manual_seed(0)
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.requires_grad:
                    parameter.data += 0.01 * torch.randn(parameter.shape, generator=generator)
        expected = says(model)
        assert not torch.allclose(expected, untrained, atol=1e-5)
        method.save(model, tmp_path / "saved")
        again = build(method.spec).load(copy.deepcopy(loaded.model), tmp_path / "saved")
    torch.testing.assert_close(says(again), expected, atol=1e-5, rtol=1e-4)


def test_a_pooler_that_the_files_lack_is_part_of_the_head(tmp_path: Path) -> None:
    encoder = toy_encoder()
    kept = {name: value for name, value in encoder.state_dict().items() if ".pooler." not in name}
    encoder.save_pretrained(tmp_path / "base", state_dict=kept)
    toy_tokenizer().save_pretrained(tmp_path / "base")
    loaded = load_model(f"path:{tmp_path / 'base'}", head=HEAD._replace(settings={"num_labels": 2}))
    head = KIND.head(loaded.model, loaded.drawn)
    assert head == ("classifier", "bert.pooler.dense")
    method = build(resolve(MethodEntry(name="lora")))
    context = KIND.context(Recipe(steps=4), 1e-3, 0, toy_tokenizer())._replace(head=head)
    model = method.wrap(copy.deepcopy(loaded.model), context)
    optimizer = method.optimizer(model, context)
    assert head_parameters(model, optimizer, head) == 2 * 64 + 2 + 64 * 64 + 64
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1
    expected = says(model)
    method.save(model, tmp_path / "saved")
    again = build(method.spec).load(copy.deepcopy(loaded.model), tmp_path / "saved")
    torch.testing.assert_close(says(again), expected)
