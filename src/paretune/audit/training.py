"""Checks on training: does the loss fall, does everything move, are gradients what they should be."""

from collections.abc import Sequence
from typing import Any

from paretune.audit.course import Attached, Movement, Trained, gradients
from paretune.models.checkpointing import checkpoint_gradients, keep_activations
from paretune.spec import NotPassed, Passed

_GRADIENT_TOLERANCE = 1e-4


def trains(trained: Trained) -> Passed | NotPassed:
    """Judge whether the loss of the batch fell. The value is the share of it that went."""
    before, after = trained.loss_before, trained.loss_after
    finding = f"loss {before:.4g} before, {after:.4g} after, at a learning rate of {trained.learning_rate:g}"
    share = (before - after) / before
    return Passed(figure=share, finding=finding) if trained.learned else NotPassed(figure=share, finding=finding)


def parameters_move(movements: Sequence[Movement]) -> Passed | NotPassed:
    """Judge whether every trainable tensor changed. The value is the share of values that did."""
    if not movements:
        return NotPassed(finding="nothing is trainable")
    total = sum(movement.num_values for movement in movements)
    share = sum(movement.num_moved for movement in movements) / total
    formats = " and ".join(sorted({movement.dtype for movement in movements}))
    still = [movement.name for movement in movements if movement.num_moved == 0]
    if not still:
        tensors = "1 tensor" if len(movements) == 1 else f"{len(movements)} tensors"
        whose = "its" if len(movements) == 1 else "their"
        return Passed(figure=share, finding=f"{tensors} in {formats}, {share:.1%} of {whose} values")
    return NotPassed(
        figure=share,
        finding=f"{len(still)} of {len(movements)} tensors in {formats} did not move ({share:.1%} of the values did), "
        f"such as {_short(still[0])}",
    )


def checkpointing_keeps_gradients(attached: Attached) -> Passed | NotPassed:
    """Judge whether gradients stay the same under gradient checkpointing. Leaves it switched off.

    The value is the largest change of a gradient as a share of the largest gradient.
    """
    model: Any = attached.model
    plain = gradients(attached)
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    checkpoint_gradients(base)
    try:
        checkpointed = gradients(attached)
    finally:
        keep_activations(base)
    if missing := sorted(set(plain) ^ set(checkpointed)):
        return NotPassed(finding=f"not every tensor has a gradient in both cases, such as {missing[0]}")
    largest = max((tensor.abs().max().item() for tensor in plain.values()), default=0.0)
    if largest == 0.0:
        return NotPassed(finding="every gradient is zero")
    change = max((checkpointed[name] - tensor).abs().max().item() for name, tensor in plain.items()) / largest
    finding = f"gradients differ by {change:.1e} of the largest"
    same = change <= _GRADIENT_TOLERANCE
    return Passed(figure=change, finding=finding) if same else NotPassed(figure=change, finding=finding)


def _short(name: str) -> str:
    return name.removeprefix("base_model.").removeprefix("model.")
