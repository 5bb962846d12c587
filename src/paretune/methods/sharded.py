"""Which methods cannot be trained on a model that is sharded over several devices, and why. Imports no torch.

`tests/engine/test_sharding.py` trains every method over two processes and proves the tables right in both directions.
"""

from paretune.methods.registry import IMPLEMENTATIONS
from paretune.spec import MethodSpec, Unavailable

_DRAWS = "it draws random values in every forward pass, and each device would draw its own"
_LOSS_READS_WEIGHTS = "its loss term reads adapter weights outside the forward pass, where a device holds slices"
_OPTIMIZER_READS_WEIGHTS = "its optimizer computes with whole matrices, and a device holds slices"
_HOOK_ON_GRADIENTS = "it changes gradients in a hook on whole parameters, which slices replace"

BY_TYPE = {
    "ADALORA": _LOSS_READS_WEIGHTS,
    "CPT": _HOOK_ON_GRADIENTS,
    "LILY": "its router averages over all tokens of a batch, and a device sees its rows alone",
    "OSF": _HOOK_ON_GRADIENTS,
    "POLY": _DRAWS,
    "PVERA": _DRAWS,
    "SHADOW": "its auxiliary loss is a mean over the answer tokens of a batch, and a device sees its rows alone",
}
"""Reasons by type of peft."""
BY_OPTION = {
    "kasa_config": _LOSS_READS_WEIGHTS,
    "monteclora_config": _LOSS_READS_WEIGHTS,
    "velora_config": "its projections come from the first batch, of which a device sees its rows alone",
}
"""Reasons by an option of LoRA that is set."""
ON_QUANTISED = {"SHIRA": "its sparse values belong to places of the packed weight, of which a device holds a slice"}
"""Reasons by type of peft, on a quantised base model."""
BY_IMPLEMENTATION = {"lora-fa": _OPTIMIZER_READS_WEIGHTS, "lora-riemannian": _OPTIMIZER_READS_WEIGHTS}
"""Reasons by what builds the method."""
UNTESTED = "a method of another package, not tested on a sharded model"


def why_not_sharded(spec: MethodSpec, *, quantised: bool = False) -> str | None:
    """Return why a method cannot be trained on a sharded model as it is on one device, or None where it can.

    `quantised` says whether the base model's linear layers are.
    """
    if not spec.trains:
        return None
    if spec.implementation not in IMPLEMENTATIONS:
        return UNTESTED
    by_option = (reason for option, reason in BY_OPTION.items() if spec.parameters.get(option) is not None)
    by_what_it_is = BY_TYPE.get(spec.peft_type or "") or BY_IMPLEMENTATION.get(spec.implementation)
    if quantised:
        by_what_it_is = by_what_it_is or ON_QUANTISED.get(spec.peft_type or "")
    return by_what_it_is or next(by_option, None)


def check_sharded(spec: MethodSpec, *, quantised: bool = False) -> None:
    """Raise `Unavailable` for a method that cannot be trained on a sharded model, which may be `quantised`."""
    if (reason := why_not_sharded(spec, quantised=quantised)) is not None:
        raise Unavailable(
            f'method "{spec.label}": not on a sharded model: {reason}; leave it out, or leave out sharding'
        )
