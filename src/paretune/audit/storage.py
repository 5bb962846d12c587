"""Checks on what was saved: does it come back, does it merge, how much of it is needed, who can use it."""

from hashlib import sha256
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from paretune.audit.answers import BF16_FACTOR, rounding_in_bf16
from paretune.audit.course import all_outputs
from paretune.audit.gap import gap
from paretune.kinds.probe import Subject
from paretune.methods.merging import CannotMerge, first_sentence, has_adapter, merge_adapter
from paretune.spec import NotApplicable, NotPassed, Passed

LORA_RANK = 16
"""Rank of the LoRA that other methods are turned into."""
_SAME_WEIGHTS = 1e-4
"""Share of the largest output that rounding explains where weights were computed in another way."""
_MAX_LOST_SHARE = 0.05
_MAX_NEEDLESS_SHARE = 0.05


def reloads(
    subject: Subject, expected: Tensor, loaded: nn.Module, relative: float = _SAME_WEIGHTS
) -> Passed | NotPassed:
    """Judge whether the loaded model says what the trained one said. The value is the largest change of an output.

    `relative` is the share of the largest output that does not matter.
    """
    found = gap(expected, all_outputs(subject, loaded), relative=relative)
    finding = f"loaded again, outputs are {found.largest:.2g} away"
    return NotPassed(figure=found.largest, finding=finding) if found else Passed(figure=found.largest)


def mergeable(subject: Subject, model: nn.Module) -> Passed | NotPassed | NotApplicable:
    """Judge whether merging keeps the outputs. The model is spent afterwards. The value is as in `reloads`."""
    expected = all_outputs(subject, model)
    if not has_adapter(model):
        return NotApplicable(reason="it adds no adapter to the weights")
    try:
        merged = merge_adapter(model)
    except CannotMerge as reason:
        return NotApplicable(reason=str(reason))
    found = gap(expected, all_outputs(subject, merged), relative=_SAME_WEIGHTS)
    finding = f"merged, outputs are {found.largest:.2g} away"
    return NotPassed(figure=found.largest, finding=finding) if found else Passed(figure=found.largest)


def merges_in_bf16(subject: Subject, model: nn.Module, base_moves: float) -> Passed | NotPassed | NotApplicable:
    """Judge whether merging into bfloat16 weights moves logits further than bfloat16 rounds. The model is spent.

    `base_moves` is how far a batch moves the base model's in bfloat16. The value is the largest change of a logit.
    """
    expected = all_outputs(subject, model)
    if not has_adapter(model):
        return NotApplicable(reason="it adds no adapter to the weights")
    change = torch.linalg.vector_norm((expected - all_outputs(subject, subject.fresh("bfloat16").model)).double())
    try:
        merged = all_outputs(subject, merge_adapter(model))
    except CannotMerge as reason:
        return NotApplicable(reason=str(reason))
    moved = gap(expected, merged).largest
    lost = torch.linalg.vector_norm((merged - expected).double()) / change
    finding = f"logits move by {moved:.2g}, {lost.item():.1%} of what the adapter changes"
    within = moved <= BF16_FACTOR * rounding_in_bf16(expected, base_moves)
    return Passed(figure=moved, finding=finding) if within else NotPassed(figure=moved, finding=finding)


def compact(at_start: Path, trained: Path) -> Passed | NotPassed:
    """Judge whether a checkpoint holds much that could be made again. The value is that share of its tensors' bytes.

    `at_start` holds what the same method saved before its first step: a tensor that is the same in both was not
    trained, and the seed gives it again. A tensor that a file holds twice is needed once.
    """
    before, after = _fingerprints(at_start), _fingerprints(trained)
    total = sum(size for _, size in after.values())
    unchanged = {name for name, found in after.items() if before.get(name) == found}
    frozen = sum(after[name][1] for name in unchanged)
    seen: set[str] = set()
    repeated = 0
    for name, (digest, size) in sorted(after.items()):
        if name not in unchanged:
            repeated += size if digest in seen else 0
            seen.add(digest)
    share = (frozen + repeated) / total
    parts = [f"{frozen:,} that training did not change"] if frozen else []
    parts += [f"{repeated:,} stored twice"] if repeated else []
    finding = f"of {total:,} bytes of tensors " + (" and ".join(parts) or "none could be regenerated")
    return (NotPassed if share > _MAX_NEEDLESS_SHARE else Passed)(figure=share, finding=finding)


def convertible_to_lora(subject: Subject, base_outputs: Tensor, model: nn.Module) -> Passed | NotPassed | NotApplicable:
    """Judge whether a LoRA of `LORA_RANK` does the same. The value is the share of the outputs' change that is lost.

    Shares are of Euclidean norms over all outputs.
    """
    from peft import LoraConfig, convert_to_lora, get_peft_model, set_peft_model_state_dict

    if not has_adapter(model):
        return NotApplicable(reason="it adds no adapter to the weights")
    try:
        config, state = convert_to_lora(model, rank=LORA_RANK)
    except (TypeError, ValueError, NotImplementedError) as error:
        return NotApplicable(reason=f"peft does not convert it: {first_sentence(error)}")
    assert isinstance(config, LoraConfig)
    config.task_type = model.peft_config["default"].task_type  # type: ignore[index, union-attr]
    converted = get_peft_model(subject.fresh().model, config)
    set_peft_model_state_dict(converted, state)
    target = all_outputs(subject, model)
    change = torch.linalg.vector_norm((target - base_outputs).double())
    lost = torch.linalg.vector_norm((all_outputs(subject, converted) - target).double()) / change
    share = lost.item()
    finding = f"a LoRA of rank {LORA_RANK} loses {share:.1%} of the change"
    return (NotPassed if share > _MAX_LOST_SHARE else Passed)(figure=share, finding=finding)


def _fingerprints(folder: Path) -> dict[str, tuple[str, int]]:
    """Return digest and bytes of every tensor in a folder's safetensors files, by name."""
    found: dict[str, tuple[str, int]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (not a mapping)
                tensor = tensors.get_tensor(name).contiguous()
                raw = tensor.view(torch.uint8).numpy().tobytes() if tensor.dim() else tensor.numpy().tobytes()
                shape = f"{tensor.dtype}{tuple(tensor.shape)}".encode()
                found[name] = sha256(shape + raw).hexdigest(), len(raw)
    return found
