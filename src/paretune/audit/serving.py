"""Who can serve a checkpoint? The servers' rules, read against what was saved, or a load of it.

Sources: of vLLM 0.33.0, `vllm/lora/peft_helper.py`, `vllm/lora/utils.py` and `vllm/config/lora.py`, tried with vLLM
0.32.0 by `benchmarks/vllm_loads.py`; of llama.cpp as of August 2026, `convert_lora_to_gguf.py` and
`src/llama-adapter.cpp`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from paretune.audit.storage import reloads
from paretune.kinds.probe import Subject
from paretune.methods.gguf_adapter import not_for_llama_cpp
from paretune.methods.plain_lora import broken_rule, ranks_of, saved_config
from paretune.methods.with_base import not_for_transformers, write_with_base
from paretune.spec import NotApplicable, NotPassed, Passed

VLLM = "vLLM 0.33.0"
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as `--max-lora-rank`."""
DEFAULT_MAX_RANK = 16


def servable_by_vllm(folder: Path) -> Passed | NotPassed | NotApplicable:
    """Judge a checkpoint by vLLM's rules. The value is the adapter's rank. The finding names the rule."""
    config = saved_config(folder)
    if config is None:
        return _whole_model(folder)
    if broken := broken_rule_of_vllm(config, folder):
        return NotPassed(finding=broken)
    rank, needed = max(ranks_of(config)), max_lora_rank(config)
    start = f"; start vLLM with --max-lora-rank {needed} or more" if needed > DEFAULT_MAX_RANK else ""
    return Passed(figure=float(rank), finding=f"a LoRA of rank {rank}{start}")


def servable_by_llama_cpp(folder: Path, model_config: Mapping[str, Any]) -> Passed | NotPassed | NotApplicable:
    """Judge a checkpoint by llama.cpp's rules for a base model of some configuration. The value is its rank."""
    config = saved_config(folder)
    if config is None:
        return _whole_model(folder)
    if broken := not_for_llama_cpp(config, folder, model_config):
        return NotPassed(finding=broken)
    rank = max(ranks_of(config))
    return Passed(figure=float(rank), finding=f"a LoRA of rank {rank}")


def servable_by_transformers(
    subject: Subject, expected: Tensor, folder: Path, out: Path
) -> Passed | NotPassed | NotApplicable:  # fmt: skip
    """Judge whether transformers alone loads an adapter with its base model, as its server does, written into `out`.

    `expected` are the trained model's outputs for all samples. The value is as in `reloads`. Raises what transformers
    raises.
    """
    if saved_config(folder) is None:
        return _whole_model(folder)
    if broken := not_for_transformers(folder):
        return NotPassed(finding=broken)
    base: Any = subject.fresh().model
    write_with_base(base, None, folder, out)
    loaded = type(base).from_pretrained(
        str(out), dtype=base.dtype, attn_implementation=base.config._attn_implementation, local_files_only=True
    )
    return reloads(subject, expected, loaded.eval())


def broken_rule_of_vllm(config: Mapping[str, Any], folder: Path) -> str | None:
    """Return the first rule of vLLM's that a saved adapter breaks, or None."""
    if broken := broken_rule(config, folder, embeddings=True):
        return broken
    rank = max(ranks_of(config))
    return f"rank {rank} is above {RANKS[-1]}" if rank > RANKS[-1] else None


def max_lora_rank(config: Mapping[str, Any]) -> int:
    """Return the smallest `--max-lora-rank` that holds an adapter which breaks no rule."""
    return next(rank for rank in RANKS if rank >= max(ranks_of(config)))


def _whole_model(folder: Path) -> Passed | NotApplicable:
    if (folder / "config.json").exists():
        return Passed(finding="a whole model, served in place of the base")
    return NotApplicable(reason="neither an adapter of peft's nor a whole model")
