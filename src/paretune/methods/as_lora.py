"""A trained method as plain LoRA, which nearly everything that serves adapters can load.

What a method did to the weight of each linear layer, merged weight minus base weight, is cut off after its largest
singular values. No matrix of that rank comes nearer to it in the Frobenius norm (Eckart and Young, Psychometrika 1,
1936). What a method changes elsewhere, such as norms or embeddings, a LoRA on linear layers cannot hold.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from paretune.methods.merging import CannotMerge, has_adapter, merge_adapter
from paretune.methods.registry import build, resolve
from paretune.spec import InputError, MethodEntry, MethodSpec

OnLayer = Callable[[int, int], None]
"""Told how many layers of how many are done."""
_NAMED = 4


class Factors(NamedTuple):
    """The change of one layer's weight, as the product of two matrices."""

    left: Tensor
    """Shape (outputs, values), float32, columns scaled by the root of their singular values."""
    right: Tensor
    """Shape (values, inputs), rows scaled alike."""
    singular_values: Tensor
    """Descending, float32."""


def factors_of_change(
    base: nn.Module, tuned: nn.Module, where: str, *, linear_only: bool = False, on_layer: OnLayer | None = None
) -> tuple[dict[str, Factors], list[str]]:
    """Return the change of every linear layer that differs between a base model and a tuned one, by its name.

    Both have the same parameters, as a base model and the same one with a method merged into it. With `linear_only`
    also the names of other parameters that differ. Without it these raise `InputError`, opening with `where`, as does
    a model in which no layer differs.
    """
    before = dict(base.named_parameters())
    changed = {
        name: parameter.detach().float() - before[name].detach().float()
        for name, parameter in tuned.named_parameters()
        if name in before and not torch.equal(parameter, before[name])
    }
    modules = dict(tuned.named_modules())
    layers = {f"{name}.weight" for name, module in modules.items() if isinstance(module, nn.Linear | Conv1D)}
    others = [name for name in changed if name not in layers]
    if others and not linear_only:
        raise InputError(
            f"{where}: it changes what a LoRA on linear layers cannot hold: {some_of(others)}; "
            "--linear-only leaves that out"
        )
    for name in others:
        del changed[name]
    if not changed:
        raise InputError(f"{where}: merged, it changes no linear layer, so there is nothing to convert")
    found = {}
    for done, (name, change) in enumerate(changed.items(), start=1):
        layer = name.removesuffix(".weight")
        of_outputs = change.T if isinstance(modules[layer], Conv1D) else change  # GPT-2 stores weights transposed
        left, values, right = torch.linalg.svd(of_outputs, full_matrices=False)
        root = values.sqrt()
        found[layer] = Factors(left * root, root[:, None] * right, values)
        if on_layer is not None:
            on_layer(done, len(changed))
    return found, others


def some_of(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def merged(model: nn.Module, where: str) -> nn.Module:
    """Return a model with its adapter merged into the weights; a model without an adapter as it is.

    Raises `InputError`, opening with `where`, where the method cannot be merged.
    """
    if not has_adapter(model):
        return model
    try:
        return merge_adapter(model)
    except CannotMerge as reason:
        raise InputError(f"{where}: it cannot be merged into the base model, and so not converted: {reason}") from None


def lost_share(factors: Mapping[str, Factors], rank: int) -> float:
    """Return the share of the change, in the Frobenius norm over all layers, that LoRA of a rank leaves out."""
    energies = [one.singular_values.double().square() for one in factors.values()]
    beyond, whole = sum(float(one[rank:].sum()) for one in energies), sum(float(one.sum()) for one in energies)
    return float((beyond / whole) ** 0.5)


def lora_spec(factors: Mapping[str, Factors], rank: int, label: str) -> MethodSpec:
    """Return the LoRA of a rank on the changed layers as a method of Paretune, its scale 1."""
    parameters: dict[str, Any] = {"r": rank, "lora_alpha": rank, "target_modules": list(factors)}
    return resolve(MethodEntry(name="lora", label=label, parameters=parameters))


def write_lora(
    base: nn.Module, factors: Mapping[str, Factors], spec: MethodSpec, task_type: str | None, folder: Path
) -> None:
    """Write the best LoRA of the spec's rank as peft does. `base` is left as it was.

    Where a layer has fewer singular values than the rank, the rest of its matrices is zero.
    """
    rank = int(spec.parameters["r"])
    transposed = any(isinstance(base.get_submodule(name), Conv1D) for name in factors)
    config = LoraConfig(
        r=rank, lora_alpha=rank, target_modules=list(factors), task_type=task_type, inference_mode=True,
        fan_in_fan_out=transposed,
    )  # fmt: skip
    model = get_peft_model(base, config)
    set_peft_model_state_dict(model, dict(_tensors(factors, rank)))
    build(spec).save(model, folder)
    model.unload()


def _tensors(factors: Mapping[str, Factors], rank: int) -> Iterator[tuple[str, Tensor]]:
    for name, one in factors.items():
        right = torch.zeros(rank, one.right.shape[1])
        left = torch.zeros(one.left.shape[0], rank)
        kept = min(rank, len(one.singular_values))
        right[:kept], left[:, :kept] = one.right[:kept], one.left[:, :kept]
        yield f"base_model.model.{name}.lora_A.weight", right
        yield f"base_model.model.{name}.lora_B.weight", left


__all__: Sequence[str] = [
    "Factors", "factors_of_change", "lora_spec", "lost_share", "merged", "some_of", "write_lora",
]  # fmt: skip
