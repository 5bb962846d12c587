"""Functions that are answered at once with fake tensors do to memory what torch does."""

from contextlib import nullcontext

import pytest
import torch
from peft.tuners.boft.layer import BOFTLayer
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from paretune.estimate import estimate_memory
from paretune.estimate.fake.fake_functions import MANY_SLICES
from paretune.estimate.fake.fake_tensors import Device, fake_tensors
from paretune.estimate.fake.library_functions import permutation_matrix
from paretune.measure import StorageLog, count_memory
from paretune.spec.memory import MemoryEstimate


class _BlockDiagonalRotation(nn.Module):
    """Multiplies by a block diagonal matrix, as BOFT does."""

    def __init__(self, num_blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Parameter(torch.zeros(num_blocks, 4, 2))

    def forward(self, x: Tensor) -> Tensor:
        rotation: Tensor = torch.block_diag(*torch.unbind(self.blocks * 2))  # type: ignore[no-untyped-call]
        return x @ rotation


@pytest.mark.parametrize("num_blocks", [3, MANY_SLICES, 3 * MANY_SLICES])
def test_block_diagonal_matrices_take_what_they_take(num_blocks: int) -> None:
    real, fake = (_log_of_a_pass(num_blocks, on_paper=on_paper) for on_paper in (False, True))
    assert fake.peak().peak_bytes == real.peak().peak_bytes
    assert fake.live_bytes()[-1] == real.live_bytes()[-1]


def _log_of_a_pass(num_blocks: int, *, on_paper: bool) -> StorageLog:
    with fake_tensors("cpu") if on_paper else nullcontext():
        model = _BlockDiagonalRotation(num_blocks)
        x = torch.ones(5, num_blocks * 4)

        def run() -> None:
            loss = model(x).sum()
            loss.backward()
            assert model.blocks.grad is not None
            assert model.blocks.grad.shape == model.blocks.shape

        return count_memory(model, run)


def test_tables_of_the_host_are_filled_number_by_number() -> None:
    with fake_tensors("cuda") as device:
        table = torch.zeros(4, 4)
        for row, column in enumerate(torch.arange(3, -1, -1)):
            table[row, column] = row + 1
        on_device = torch.zeros(4, device=device)
        on_device[1] = 2
        filled, reached = table.tolist(), float(on_device[1])
    assert filled == [[0, 0, 0, 1], [0, 0, 2, 0], [0, 3, 0, 0], [4, 0, 0, 0]]
    assert reached == 2


def test_large_unit_matrices_are_not_made() -> None:
    with fake_tensors("cuda"):
        unit = torch.eye(300_000)  # 360 GB if it were real
        assert unit.shape == (300_000, 300_000)


def test_a_number_written_among_known_values_is_known_and_among_unknown_ones_changes_nothing() -> None:
    with fake_tensors("cpu"):
        known, unknown = torch.zeros(4), torch.empty(4)
        known[1] = 5
        unknown[known.sum().int()] = 5  # out of range: no operator runs that would notice
        assert known.sum().item() == 5
        assert unknown.shape == (4,)


def test_predictions_are_the_same_on_a_machine_with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where CUDA is available, PyTorch by default puts new constants on their device before they become fake."""
    without = estimate_memory("toy:llama", "lora", sequence_length=32)[0]
    monkeypatch.setattr(FakeTensorMode, "avoid_device_init", False)
    with_gpu = estimate_memory("toy:llama", "lora", sequence_length=32)[0]
    assert isinstance(without, MemoryEstimate)
    assert isinstance(with_gpu, MemoryEstimate)
    assert (with_gpu.train, with_gpu.generate) == (without.train, without.generate)


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_permutations_of_boft_are_made_at_once_and_are_what_peft_makes(device: Device) -> None:
    layer = BOFTLayer.__new__(BOFTLayer)
    indices = layer.block_butterfly_perm(64, 4, 4, 1)
    by_rows = BOFTLayer.perm2mat(layer, indices)
    assert torch.equal(permutation_matrix(layer, indices), by_rows)
    with fake_tensors(device):
        assert BOFTLayer.perm2mat is permutation_matrix
        at_once = BOFTLayer.perm2mat(layer, torch.arange(64))
        assert (at_once.shape, at_once.dtype) == (by_rows.shape, by_rows.dtype)
        large = BOFTLayer.perm2mat(layer, torch.arange(2048))
        assert isinstance(large, FakeTensor), "a real one takes longer than everything else"
        assert (large.shape, large.dtype) == ((2048, 2048), by_rows.dtype)
    assert BOFTLayer.perm2mat is not permutation_matrix
