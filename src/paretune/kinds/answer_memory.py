"""The memory that answering takes: counted once for all checkpoints of a method that have the same shapes."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from paretune.kinds.base import Asked
from paretune.kinds.skills import AS_HELD
from paretune.measure import Phases
from paretune.plugins import is_ours
from paretune.store import TRIAL_FILE

ANSWER_PEAK = "the most bytes that answering holds"


def answer_peak(
    asked: Asked[Any],
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    settings: Mapping[str, Any],
    *,
    write: Callable[[], object],
    phases: Phases,
) -> int:
    """Return the most bytes that answering holds, inside a phase: counted, or as another trial has counted it.

    Another's count is taken where nothing but the values in the checkpoint differs: base model, prompts and settings
    are the same. On an accelerator the allocator's peak is read each time; of other packages' code nothing is known;
    and a base model with experts gives each as many tokens as the values say.
    """
    trial = asked.trial
    with_experts = any("expert" in name for name, _ in model.named_modules())
    if not trial.method.trains or torch.cuda.is_available() or with_experts or not is_ours(asked.method):
        return phases.peak_bytes_of(model, write)
    of = {
        "base_model": trial.base,
        "kind": trial.model_kind,
        "recipe": trial.recipe.model_dump(mode="json", include=set(AS_HELD)),
        "method": trial.method.model_dump(mode="json", exclude={"label"}),
        "checkpoint": shapes_in(asked.checkpoint),
        "prompts": [list(prompt) for prompt in prompts],
        "settings": dict(settings),
    }
    peak: int | None = asked.shared.find(ANSWER_PEAK, of)
    if peak is None:
        peak = phases.peak_bytes_of(model, write)
        asked.shared.keep(ANSWER_PEAK, of, peak)
    return peak


def shapes_in(checkpoint: Path) -> dict[str, Any]:
    """Return all that is in a checkpoint but the values of its tensors, by the name of the file."""
    found: dict[str, Any] = {}
    for path in sorted(checkpoint.rglob("*")):
        name = path.relative_to(checkpoint).as_posix()
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
                found[name] = {key: [one.get_dtype(), *one.get_shape()] for key, one in slices.items()}
        elif path.suffix == ".json" and name != TRIAL_FILE:
            found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found
