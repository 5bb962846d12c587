"""What an estimate has to know of a GPU: its memory, the workspaces that cuBLAS takes on it, and its peak speed."""

from typing import NamedTuple

from paretune.measure import StorageLog
from paretune.spec import nearest

_HOPPER_WORKSPACE_BYTES = 8 * 4096 * 1024
_WORKSPACE_BYTES = (2 * 4096 + 8 * 16) * 1024
"""PyTorch's defaults of `CUBLAS_WORKSPACE_CONFIG`: :4096:8 at compute capability 9.0 and :4096:2:16:8 elsewhere
(`aten/src/ATen/cuda/CublasHandlePool.cpp`)."""
_MIB = 1 << 20
_PCIE_3, _PCIE_4, _PCIE_5 = 16e9, 32e9, 64e9


class Gpu(NamedTuple):
    """A card by the name that people give it."""

    name: str
    memory_bytes: int
    """All of it, as `nvidia-smi` shows it."""
    is_hopper: bool = False
    """Compute capability 9.0."""
    bf16_flops: float | None = None
    """Peak of dense products in bfloat16, summed up in float32, in operations per second, from NVIDIA's data sheets
    (the SXM form where there are several); None for a card that has none."""
    link_bytes_per_second: float = _PCIE_4
    """Bytes that it can receive from other cards of the machine per second, by its data sheet: half of what NVLink or
    PCIe do in both directions."""

    @property
    def workspace_bytes(self) -> int:
        """What cuBLAS keeps from PyTorch's allocator for each thread that multiplies."""
        return _HOPPER_WORKSPACE_BYTES if self.is_hopper else _WORKSPACE_BYTES


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("h200", 143_771 * _MIB, is_hopper=True, bf16_flops=989e12, link_bytes_per_second=450e9),
        Gpu("h100", 81_559 * _MIB, is_hopper=True, bf16_flops=989e12, link_bytes_per_second=450e9),
        Gpu("b200", 183_359 * _MIB, bf16_flops=2250e12, link_bytes_per_second=900e9),
        Gpu("a100", 81_920 * _MIB, bf16_flops=312e12, link_bytes_per_second=300e9),
        Gpu("a100-40gb", 40_960 * _MIB, bf16_flops=312e12, link_bytes_per_second=300e9),
        Gpu("l40s", 46_068 * _MIB, bf16_flops=362e12),
        Gpu("a6000", 49_140 * _MIB, bf16_flops=154.8e12),
        Gpu("rtx5090", 32_607 * _MIB, bf16_flops=209.5e12, link_bytes_per_second=_PCIE_5),
        Gpu("rtx4090", 24_564 * _MIB, bf16_flops=165.2e12),
        Gpu("rtx3090", 24_576 * _MIB, bf16_flops=71e12),
        Gpu("l4", 23_034 * _MIB, bf16_flops=121e12),
        Gpu("a10", 23_028 * _MIB, bf16_flops=125e12),
        Gpu("t4", 15_360 * _MIB, link_bytes_per_second=_PCIE_3),
    )
}


def find_gpu(name: str) -> Gpu:
    """Return a card by its name, however it is spaced: "RTX 4090", "H100". Raises `ValueError` for an unknown one."""
    plain = name.lower().replace(" ", "").replace("_", "-")
    if plain not in GPUS:
        raise ValueError(f'no GPU "{name}"{nearest(plain, GPUS)}; known GPUs: {", ".join(GPUS)}')
    return GPUS[plain]


def workspaces(log: StorageLog, gpu: Gpu | None) -> tuple[int, ...]:
    """Return the bytes of each workspace that cuBLAS holds during a log, the largest there is where no card is named.

    One belongs to the thread of the forward pass and, where there is training, one to autograd's.
    """
    trained = any(mark.name == "optimizer" for mark in log.marks)
    num_bytes = _HOPPER_WORKSPACE_BYTES if gpu is None else gpu.workspace_bytes
    return (num_bytes,) * (2 if trained else 1)
