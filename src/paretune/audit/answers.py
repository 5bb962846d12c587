"""Checks on answers: what they depend on, and what they must not depend on.

`noise` is what the same check measures on the base model: another batch or another length is summed up in
another order.
"""

from functools import cache
from typing import NamedTuple

from torch import nn

from paretune.audit.language import NUM_PADDING, LanguageProbe
from paretune.audit.probe import Answers, Probe, Subject, gap
from paretune.spec import NotPassed, Passed


def batch_invariant(model: nn.Module, probe: Probe, noise: float = 0.0) -> Passed | NotPassed:
    """Judge whether the first sample's answer is the same alone and beside others of its length.

    The value is the largest change of an output. Where there is none, greedy answers are compared as well.
    """
    alone = probe.outputs(model, [0])
    beside = [probe.outputs(model, rows)[:1] for rows in ([0, 1], [0, 2, 1])]
    worst = max((gap(alone, found, noise=noise) for found in beside), key=lambda found: found.largest)
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


class Noise(NamedTuple):
    """The values of the checks on the base model."""

    batch: float
    padding: float
    generation: float


@cache
def noise_of(subject: Subject) -> Noise:
    """Return how far a subject's base model moves by itself."""
    base, probe = subject.fresh().model, subject.probe
    agreeing = generation_agrees(base, probe).figure if isinstance(probe, LanguageProbe) else None
    padding = padding_invariant(base, probe).figure if probe.padded_outputs(base, 0) else None
    return Noise(batch_invariant(base, probe).figure or 0.0, padding or 0.0, agreeing or 0.0)


def causal(model: nn.Module, probe: LanguageProbe) -> Passed | NotPassed:
    """Judge whether outputs stay as they are when a later token changes. The value is the largest change of one."""
    before = probe.outputs(model, [0])[0, :-1]
    found = gap(before, probe.logits_after_another_end(model, 0)[:-1])
    finding = f"outputs move by {found.largest:.2g} when a later token changes"
    return NotPassed(figure=found.largest, finding=finding) if found else Passed(figure=found.largest)


def generation_agrees(model: nn.Module, probe: LanguageProbe, noise: float = 0.0) -> Passed | NotPassed:
    """Judge whether `generate` chooses by the logits of forward passes. The value is the largest change of a logit."""
    written = probe.answers(model, [0])
    found = gap(probe.logits_of(model, 0, written.tokens[0]), written.logits, noise=noise)
    finding = f"logits are {found.largest:.2g} away from those of forward passes over the whole text"
    return NotPassed(figure=found.largest, finding=finding) if found else Passed(figure=found.largest)


def _same_answer(
    expected: Answers, found: Answers, outputs_moved: float, noise: float, when: str
) -> Passed | NotPassed:
    """Compare the first row's answers by the logits of every token up to the first that differs.

    A token that differs although its logits do not was a tie.
    """
    same = expected.tokens[0] == found.tokens[0]
    num_comparable = int(same.long().cumprod(dim=0).sum()) + 1
    moved = gap(expected.logits[0, :num_comparable], found.logits[0, :num_comparable], noise=noise)
    if moved:
        return NotPassed(figure=moved.largest, finding=f"while generating, logits move by {moved.largest:.2g} {when}")
    return Passed(figure=max(outputs_moved, moved.largest))
