"""Checks on answers: what they depend on, and what they must not depend on.

`noise` is what the same check measures on the base model: another batch or another length is summed up in
another order.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from paretune.audit.gap import Gap, gap
from paretune.kinds.probe import NUM_PADDING, Answers, Probe, Subject, WritingProbe
from paretune.spec import NotPassed, Passed

Check = Callable[[nn.Module, Any, float], Passed | NotPassed]
"""A check of this module, called with a model, a probe and what it measures on the base model."""
LITTLE = 1e-3
"""Outputs that move by no more than this are looked at again in float64."""
BF16_FACTOR = 4.0
"""How many times as far as the base model's a batch may move a method's logits in bfloat16.

Where it is rounding, methods of peft move 0.8 to 3 times as far as the base model; where it is padding, 30 times.
"""


def batch_invariant(model: nn.Module, probe: Probe, noise: float = 0.0) -> Passed | NotPassed:
    """Judge whether the first sample's answer is the same alone and together with others of its length.

    The value is the largest change of an output. Where there is none, greedy answers are compared as well.
    """
    alone = probe.outputs(model, [0])
    gaps = [gap(alone, found[:1], noise=noise) for found in _in_batches(model, probe)]
    worst = max(gaps, key=lambda found: found.largest)
    if worst:
        return NotPassed(
            figure=worst.largest, finding=f"outputs move by {worst.largest:.2g} with other items in the batch"
        )
    written, together = probe.answers(model, [0]), probe.answers(model, [0, 1, 2])
    if written is not None and together is not None:
        return _same_answer(written, together, worst.largest, noise, "with other items in the batch")
    return Passed(figure=worst.largest)


def padding_invariant(model: nn.Module, probe: Probe, noise: float = 0.0) -> Passed | NotPassed:
    """Judge whether the first sample's answer is the same as it is and padded.

    The value is the largest change of an output. Where there is none, greedy answers are compared as well.
    """
    plain = probe.outputs(model, [0])
    gaps = {way: gap(plain, found, noise=noise) for way, found in probe.padded_outputs(model, 0).items()}
    way, worst = max(gaps.items(), key=lambda item: item[1].largest)
    if worst:
        return NotPassed(figure=worst.largest, finding=f"outputs move by {worst.largest:.2g} with {way}")
    written, padded = probe.answers(model, [0]), probe.answers(model, [0], num_padding=NUM_PADDING)
    if written is not None and padded is not None:
        return _same_answer(written, padded, worst.largest, noise, "with padding on the left")
    return Passed(figure=worst.largest)


def confirmed(check: Check, model: nn.Module, probe: Any, noise: float) -> Passed | NotPassed:
    """Return what a check finds; where outputs move by little, what it finds in float64, if that can be computed.

    Methods with large weights amplify rounding beyond the base model's. In float64 rounding is gone, and a dependence
    on other items, on padding or on a cache is not.
    """
    found = check(model, probe, noise)
    if isinstance(found, Passed) or found.figure is None or found.figure > LITTLE:
        return found
    try:
        exact = check(deepcopy(model).double(), probe, noise)
    except Exception:  # a library that computes in float32 alone: then what was found there stands
        return found
    if isinstance(exact, NotPassed):
        return found
    return Passed(figure=found.figure, finding=f"rounding: {found.finding}, and by {exact.figure:.2g} in float64")


def batch_as_base_in_bf16(model: nn.Module, probe: Probe, base_moves: float) -> Passed | NotPassed:
    """Judge whether a batch moves a bfloat16 model's logits clearly more than it moves the base model's.

    `base_moves` is what `moved_by_batch` returns for the base model in bfloat16; the spacing of bfloat16 at the largest
    logit stands in where that is smaller. The value is the largest change of a logit.
    """
    moved = moved_by_batch(model, probe)
    rounding = rounding_in_bf16(probe.outputs(model, [0]), base_moves)
    finding = f"logits move by {moved:.2g}, those of the base model by {base_moves:.2g}"
    holds = moved <= BF16_FACTOR * rounding
    return Passed(figure=moved, finding=finding) if holds else NotPassed(figure=moved, finding=finding)


def rounding_in_bf16(logits: Tensor, base_moves: float) -> float:
    """Return how far rounding alone may move logits in bfloat16: as far as the base model's, or one spacing."""
    return max(base_moves, torch.finfo(torch.bfloat16).eps * logits.abs().max().item())


def moved_by_batch(model: nn.Module, probe: Probe) -> float:
    """Return the largest change of the first sample's logits by other items in the batch, padding, or both."""
    alone = probe.outputs(model, [0])
    found = [*(rows[:1] for rows in _in_batches(model, probe)), *probe.padded_outputs(model, 0).values()]
    moved = [gap(alone, logits).largest for logits in found]
    written, together = probe.answers(model, [0]), probe.answers(model, [0, 1, 2], num_padding=NUM_PADDING)
    if written is not None and together is not None:
        moved.append(_answer_gap(written, together).largest)
    return max(moved)


class Noise(NamedTuple):
    """The values of the checks on the base model."""

    batch: float
    padding: float
    generation: float


@cache
def noise_of(subject: Subject) -> Noise:
    """Return how far a subject's base model moves by itself."""
    base, probe = subject.fresh().model, subject.probe
    agreeing = generation_agrees(base, probe).figure if "generation_agrees" in subject.kind.claims else None
    padding = padding_invariant(base, probe).figure if probe.padded_outputs(base, 0) else None
    return Noise(batch_invariant(base, probe).figure or 0.0, padding or 0.0, agreeing or 0.0)


@cache
def bf16_noise_of(subject: Subject) -> float:
    """Return how far a batch moves the logits of a subject's base model in bfloat16."""
    return moved_by_batch(subject.fresh("bfloat16").model, subject.probe)


def causal(model: nn.Module, probe: WritingProbe) -> Passed | NotPassed:
    """Judge whether outputs stay as they are when a later token changes. The value is the largest change of one."""
    before = probe.outputs(model, [0])[0, :-1]
    found = gap(before, probe.logits_after_another_end(model, 0)[:-1])
    finding = f"outputs move by {found.largest:.2g} when a later token changes"
    return NotPassed(figure=found.largest, finding=finding) if found else Passed(figure=found.largest)


def generation_agrees(model: nn.Module, probe: WritingProbe, noise: float = 0.0) -> Passed | NotPassed:
    """Judge whether `generate` chooses by the logits of forward passes. The value is the largest change of a logit."""
    written = probe.answers(model, [0])
    found = gap(probe.logits_of(model, 0, written.tokens[0]), written.logits, noise=noise)
    finding = f"logits are {found.largest:.2g} away from those of forward passes over the whole text"
    return NotPassed(figure=found.largest, finding=finding) if found else Passed(figure=found.largest)


def _in_batches(model: nn.Module, probe: Probe) -> list[Tensor]:
    """Return the outputs of batches that begin with the first sample."""
    return [probe.outputs(model, rows) for rows in ([0, 1], [0, 2, 1])]


def _same_answer(
    expected: Answers, found: Answers, outputs_moved: float, noise: float, when: str
) -> Passed | NotPassed:
    moved = _answer_gap(expected, found, noise)
    if moved:
        return NotPassed(figure=moved.largest, finding=f"while generating, logits move by {moved.largest:.2g} {when}")
    return Passed(figure=max(outputs_moved, moved.largest))


def _answer_gap(expected: Answers, found: Answers, noise: float = 0.0) -> Gap:
    """Compare the first row's answers by the logits of every token up to the first that differs.

    A token that differs although its logits do not was a tie.
    """
    same = expected.tokens[0] == found.tokens[0]
    num_comparable = int(same.long().cumprod(dim=0).sum()) + 1
    return gap(expected.logits[0, :num_comparable], found.logits[0, :num_comparable], noise=noise)
