from pathlib import Path
from typing import Any

import torch
from torch import nn

from paretune.measure import dtypes, folder_bytes, trainable_parameters


def test_trainable_parameters_are_those_that_the_optimizer_may_change() -> None:
    layer, half, frozen = nn.Linear(3, 5), nn.Linear(2, 2, bias=False).to(torch.bfloat16), nn.Linear(7, 7)
    frozen.requires_grad_(False)
    groups: list[dict[str, Any]] = [
        {"params": list(layer.parameters())},
        {"params": [*half.parameters(), *frozen.parameters()]},
    ]
    optimizer = torch.optim.AdamW(groups)
    assert trainable_parameters(optimizer) == 3 * 5 + 5 + 4
    assert dtypes(optimizer) == ("bfloat16", "float32")


def test_a_parameter_frozen_after_the_optimizer_was_made_does_not_count() -> None:
    layer = nn.Linear(3, 5)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer.weight.requires_grad_(False)
    assert trainable_parameters(optimizer) == 5


def test_folder_bytes_counts_all_files(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "config.json").write_bytes(b"x" * 10)
    (tmp_path / "deep" / "er" / "weights.safetensors").write_bytes(b"x" * 1000)
    assert folder_bytes(tmp_path) == 1010
