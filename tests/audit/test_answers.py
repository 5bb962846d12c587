"""Checks on answers pass a plain model and fail one whose hidden states depend on what they must not depend on."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from paretune.audit.answers import (
    LITTLE,
    batch_as_base_in_bf16,
    batch_invariant,
    bf16_noise_of,
    causal,
    confirmed,
    padding_invariant,
)
from paretune.kinds import kind_named
from paretune.kinds.causal_lm import LanguageProbe
from paretune.kinds.probe import Subject
from paretune.spec import CLASSIFIER, DIFFUSION, NotPassed, Passed

Change = Callable[[Tensor], Tensor]


def with_defect(model: Any, place: nn.Module, change: Change) -> Any:
    """Let the outputs of one of the model's layers go through `change`, tensors of (batch, sequence, width)."""
    place.register_forward_hook(lambda module, inputs, output: change(output))
    return model


def by_batch(states: Tensor) -> Tensor:
    return states + states.mean(dim=0, keepdim=True)


def by_sequence(states: Tensor) -> Tensor:
    return states + states.mean(dim=1, keepdim=True)


def by_place(states: Tensor) -> Tensor:
    return states + 0.1 * torch.arange(states.shape[1]).view(1, -1, 1)


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        (lambda states: states, set()),
        (by_batch, {"batch"}),
        (by_sequence, {"padding", "causal"}),
        (by_place, {"padding"}),
    ],
)
def test_a_language_model_fails_exactly_what_it_depends_on(change: Change, fails: set[str], subject: Subject) -> None:
    base = subject.load("float32").model
    model = with_defect(base, base.model.layers[0].mlp, change)
    probe = subject.probe
    assert isinstance(probe, LanguageProbe)
    verdicts = {
        "batch": batch_invariant(model, probe),
        "padding": padding_invariant(model, probe),
        "causal": causal(model, probe),
    }
    assert {name for name, verdict in verdicts.items() if verdict.kind == "fail"} == fails
    for name, verdict in verdicts.items():
        assert verdict.figure is not None
        assert (verdict.figure > 1e-2) == (name in fails)


@pytest.mark.parametrize(("change", "holds"), [(lambda states: states, True), (by_batch, False), (by_place, False)])
def test_in_bfloat16_a_batch_may_move_logits_as_far_as_those_of_the_base_model(
    change: Change, holds: bool, subject: Subject
) -> None:
    base = subject.load("bfloat16").model
    model = with_defect(base, base.model.layers[0].mlp, lambda states: change(states).to(torch.bfloat16))
    noise = bf16_noise_of(subject)
    verdict = batch_as_base_in_bf16(model, subject.probe, noise)
    assert (verdict.kind == "pass") == holds
    assert verdict.figure is not None
    assert noise > 1e-3
    assert (verdict.figure > 10 * noise) == (not holds)
    assert f"{noise:.2g}" in verdict.finding


def test_what_goes_wrong_only_while_generating_is_found(subject: Subject) -> None:
    """A model whose outputs are right, and that reads its prompt from the wrong end as soon as `generate` pads it."""
    model = subject.load("float32").model
    right = model.generate

    def generate(**inputs: Any) -> Any:
        padded = bool((inputs["attention_mask"] == 0).any()) or len(inputs["input_ids"]) > 1
        return right(**(inputs | ({"input_ids": inputs["input_ids"].flip(1)} if padded else {})))

    model.generate = generate
    for check in (batch_invariant, padding_invariant):
        verdict = check(model, subject.probe)
        assert verdict.kind == "fail"
        assert "while generating" in verdict.finding


def test_encoder() -> None:
    subject = kind_named(CLASSIFIER).subject(None, tied=False)
    assert subject is not None
    plain, by_others, by_padding = (subject.load("float32").model for _ in range(3))
    with_defect(by_others, by_others.bert.embeddings, by_batch)
    with_defect(by_padding, by_padding.bert.embeddings, by_sequence)
    assert batch_invariant(plain, subject.probe).kind == "pass"
    assert padding_invariant(plain, subject.probe).kind == "pass"
    assert batch_invariant(by_others, subject.probe).kind == "fail"
    assert padding_invariant(by_padding, subject.probe).kind == "fail"


def test_diffusion_transformer() -> None:
    subject = kind_named(DIFFUSION).subject(None, tied=False)
    assert subject is not None
    plain, by_others = (subject.load("float32").model for _ in range(2))
    with_defect(by_others, by_others.x_embedder, by_batch)
    assert batch_invariant(plain, subject.probe).kind == "pass"
    assert batch_invariant(by_others, subject.probe).kind == "fail"


@pytest.mark.parametrize(
    ("moves", "moves_in_float64", "looks", "passes"),
    [
        (LITTLE / 10, 0.0, 2, True),
        (LITTLE / 10, LITTLE / 10, 2, False),
        (LITTLE * 10, 0.0, 1, False),
        (LITTLE / 10, None, 2, False),
    ],
)
def test_what_rounding_explains_is_told_from_a_dependence_in_float64(
    moves: float, moves_in_float64: float | None, looks: int, passes: bool
) -> None:
    looked: list[torch.dtype] = []

    def check(model: nn.Module, probe: Any, noise: float) -> Passed | NotPassed:
        looked.append(next(model.parameters()).dtype)
        if looked[-1] == torch.float32:
            return NotPassed(figure=moves, finding="outputs move")
        if moves_in_float64 is None:
            raise RuntimeError("float32 alone")
        return NotPassed(figure=moves_in_float64, finding="too") if moves_in_float64 else Passed(figure=0.0)

    model = nn.Linear(2, 2)
    found = confirmed(check, model, None, 0.0)
    assert isinstance(found, Passed) == passes
    assert found.figure == moves
    assert looked == [torch.float32, torch.float64][:looks]
    assert model.weight.dtype == torch.float32
