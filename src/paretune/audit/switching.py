"""Checks on the adapter as something that can be switched: nothing at the start, nothing when off, the same when on."""

from typing import Any

import torch
from torch import Tensor

from paretune.audit.course import Attached, all_outputs, trainable_names
from paretune.audit.gap import gap
from paretune.spec import NotApplicable, NotPassed, Passed


def no_op_at_start(attached: Attached) -> Passed | NotPassed:
    """Judge whether the untrained method leaves the outputs alone. The value is the largest change of an output."""
    found = gap(attached.base_outputs, all_outputs(attached.subject, attached.model))
    finding = f"outputs move by {found.largest:.2g} before any training"
    return NotPassed(figure=found.largest, finding=finding) if found else Passed(figure=found.largest)


def exact_off(attached: Attached) -> Passed | NotPassed | NotApplicable:
    """Judge whether the base's outputs come back bit for bit. The value is the largest difference of an output."""
    if not hasattr(attached.model, "disable_adapter"):
        return NotApplicable(reason="it cannot be switched off")
    off = _outputs_when_off(attached)
    if torch.equal(off, attached.base_outputs):
        return Passed(figure=0.0)
    largest = gap(attached.base_outputs, off).largest
    return NotPassed(figure=largest, finding=f"switched off, outputs are {largest:.2g} away from the base model's")


def switch_restores(attached: Attached) -> Passed | NotPassed | NotApplicable:
    """Judge whether outputs, and what is trainable, are the same after switching off and on.

    The value is the largest change of an output, or the number of parameters that became trainable or frozen.
    """
    model: Any = attached.model
    if not hasattr(model, "disable_adapter"):
        return NotApplicable(reason="it cannot be switched off")
    outputs, names = all_outputs(attached.subject, model), trainable_names(model)
    _outputs_when_off(attached)
    moved = gap(outputs, all_outputs(attached.subject, model))
    if moved:
        return NotPassed(figure=moved.largest, finding=f"outputs are {moved.largest:.2g} away afterwards")
    now = trainable_names(model)
    if now == names:
        return Passed(figure=moved.largest)
    numbers = {name: parameter.numel() for name, parameter in model.named_parameters()}
    was, becomes = (sum(numbers[name] for name in group) for group in (names, now))
    return NotPassed(
        figure=float(sum(numbers[name] for name in names ^ now)),
        finding=f"{was:,} parameters are trainable before and {becomes:,} after, among them {sorted(names ^ now)[0]}",
    )


def _outputs_when_off(attached: Attached) -> Tensor:
    model: Any = attached.model
    with model.disable_adapter():
        return all_outputs(attached.subject, model)
