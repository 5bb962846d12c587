"""Autocast of fake tensors on a GPU is CUDA's: its lists of operators, its casts, and what they keep."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor, nn

from paretune.estimate import estimate_memory
from paretune.estimate.fake.fake_tensors import fake_tensors
from paretune.measure import StorageLog, count_memory
from paretune.spec import MethodEntry
from paretune.spec.memory import MemoryEstimate, MemoryKind

pytestmark = pytest.mark.filterwarnings("ignore")

ROWS, WIDTH, WIDE = 64, 32, 256


class _Layers(nn.Module):
    """Two products with what comes between them; weights in float32, applied twice under one autocast."""

    def __init__(self, device: str | torch.device) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, WIDE, device=device)
        self.second = nn.Linear(WIDE, WIDTH, device=device)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            for _ in range(2):
                x = self.second(torch.relu(self.first(x)))
        return x


def _log_of_a_pass(*, on_paper: bool) -> StorageLog:
    with fake_tensors("cuda") if on_paper else nullcontext("cpu") as device:
        model = _Layers(device)
        x = torch.ones(ROWS, WIDTH, device=device)

        def run() -> None:
            model(x).float().sum().backward()
            assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())

        return count_memory(model, run)


def test_products_under_autocast_take_what_real_ones_take() -> None:
    """Products are in both devices' lists, so here the processor can count what a GPU would hold."""
    real, fake = _log_of_a_pass(on_paper=False), _log_of_a_pass(on_paper=True)
    assert fake.peak().peak_bytes == real.peak().peak_bytes
    assert fake.live_bytes()[-1] == real.live_bytes()[-1]


def test_what_cuda_computes_in_float32_is_float32() -> None:
    with fake_tensors("cuda") as device, torch.autocast(device.type, dtype=torch.bfloat16):
        half = torch.ones(4, 8, dtype=torch.bfloat16, device=device)
        assert (half @ half.t().float()).dtype == torch.bfloat16
        assert nn.functional.layer_norm(half, (8,)).dtype == torch.float32
        assert half.softmax(-1).dtype == half.sum().dtype == half.exp().dtype == half.norm().dtype == torch.float32
        assert torch.softmax(half, -1, torch.bfloat16).dtype == torch.bfloat16
        assert half.sum(dtype=torch.bfloat16).dtype == (half * 2).dtype == torch.bfloat16
        on_host = torch.ones(4, 4)
        assert (on_host @ on_host).dtype == torch.float32
        with torch.autocast(device.type, enabled=False):
            assert nn.functional.layer_norm(half, (8,)).dtype == torch.bfloat16


def test_autocast_of_the_processor_is_as_before_afterwards() -> None:
    x = torch.ones(4, 4)
    with fake_tensors("cuda"):
        pass
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (x @ x).dtype == torch.bfloat16
        assert nn.functional.layer_norm(x.bfloat16(), (4,)).dtype == torch.bfloat16


def test_a_copied_output_layer_keeps_the_inputs_of_adapters_in_16_bits() -> None:
    """A trained copy of the output layer is in float32, so the forward pass runs under autocast.

    Then LoRA keeps its layers' inputs in bfloat16 and not in float32, and there is a copy of the output layer's weight
    in bfloat16.
    """
    plain, with_head = (
        estimate_memory("toy:llama", [MethodEntry(name="lora", parameters=given)], sequence_length=128)[0]
        for given in ({}, {"modules_to_save": ["lm_head"]})
    )
    assert isinstance(plain, MemoryEstimate)
    assert isinstance(with_head, MemoryEstimate)
    kept = [one.train.by_kind[MemoryKind.ACTIVATIONS] for one in (plain, with_head)]
    assert kept[1] < kept[0]
