"""Predictions beside what an H200 reported for shapes that no table held (docs/log.md, 2026-11-29)."""

from typing import Any

import pytest

from paretune.estimate import estimate_memory
from paretune.spec import MethodEntry
from paretune.spec.memory import MemoryEstimate

pytestmark = pytest.mark.filterwarnings("ignore")

TOLERANCE = 0.02

CASES: dict[str, tuple[str, MethodEntry, dict[str, Any], int, int]] = {
    "trained copy of the output layer": (
        "meta-llama/Llama-3.2-1B",
        MethodEntry(name="lora", parameters={"r": 16, "modules_to_save": ["lm_head"]}),
        {"batch_size": 4, "sequence_length": 512},
        13_596_000_000,
        16_492_000_000,
    ),
    "checkpointing": (
        "meta-llama/Llama-3.2-1B",
        MethodEntry(name="vera", parameters={"r": 256}),
        {"batch_size": 4, "sequence_length": 512, "gradient_checkpointing": True},
        0,
        6_753_000_000,
    ),
    "all of it in bfloat16": (
        "Qwen/Qwen2.5-1.5B",
        MethodEntry(name="full"),
        {"batch_size": 8, "sequence_length": 256, "gradient_checkpointing": True, "trainable_dtype": "as_base"},
        0,
        18_918_000_000,
    ),
}
"""Model, method, settings, `max_memory_allocated` (0 where it is not known) and `max_memory_reserved`."""


@pytest.mark.parametrize(
    ("model", "method", "settings", "allocated_bytes", "reserved_bytes"), CASES.values(), ids=CASES.keys()
)
def test_predicted_is_within_two_percent_of_measured(
    model: str, method: MethodEntry, settings: dict[str, Any], allocated_bytes: int, reserved_bytes: int
) -> None:
    (found,) = estimate_memory(model, [method], gpu="h200", new_tokens=1, answer_batch_size=1, **settings)
    assert isinstance(found, MemoryEstimate)
    assert found.train.reserved_bytes == pytest.approx(reserved_bytes, rel=TOLERANCE)
    if allocated_bytes:
        workspaces_bytes = 2 * (32 << 20)
        assert found.train.peak_bytes + workspaces_bytes == pytest.approx(allocated_bytes, rel=0.001)
