"""What memory is made of, and what an estimate says about one method."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, field_validator

from paretune.spec.base import Data, later
from paretune.spec.quantisation import present_name
from paretune.spec.shown import Shown


class MemoryKind(StrEnum):
    """What a tensor that is alive is for."""

    BASE_WEIGHTS = "base weights"
    ADAPTER = "adapter"
    GRADIENTS = "gradients"
    OPTIMIZER_STATE = "optimizer state"
    ACTIVATIONS = "activations"
    """What the model's passes make, forward and backward; in generation also the cache of keys and values."""
    LOGITS = "logits"
    """Everything as wide as the vocabulary that the passes make."""
    OTHER = "other"
    """Batches, masks, and what the optimizer needs for a moment."""


class MemoryPeak(Data):
    """The moment at which a phase holds most."""

    peak_bytes: int = Field(ge=0)
    """Bytes of all tensors that are alive."""
    by_kind: dict[MemoryKind, int]
    """The same bytes, by what they are for. Kinds that hold nothing are absent."""
    reserved_bytes: int | None = None
    """Bytes that PyTorch's CUDA allocator needs for it, with what it rounds up and cannot fill; None for a CPU."""

    @property
    def needed_bytes(self) -> int:
        """What a device must have free: reserved bytes where an allocator reserves, live bytes elsewhere."""
        return self.peak_bytes if self.reserved_bytes is None else self.reserved_bytes


class ShardedMemory(Data):
    """One device's share when training is sharded over several."""

    num_devices: int = Field(ge=2)
    cpu_offload: bool = later(False)
    """What the device would hold is kept in main memory."""
    train: MemoryPeak
    assumptions: tuple[str, ...]

    @property
    def words(self) -> str:
        """Return what each of the devices is called in a line."""
        return f"each of {self.num_devices} devices{' with CPU offload' if self.cpu_offload else ''}"


class BudgetAnswer(Data):
    """Whether a method fits into a budget of memory."""

    budget_bytes: int
    fits: bool
    """Training at the batch size that was asked for needs no more than the budget."""
    largest_batch_size: int | None
    """Most examples in one forward pass that fit; None where not even one does."""


class MemoryEstimate(Shown, Data):
    """Memory of one method on one model, computed without weights. An estimate, never a measurement."""

    model: str
    method: str
    """The method's label."""
    device: Literal["cuda", "cpu"]
    gpu: str | None = None
    """The GPU that was asked for; None where none was, and then the largest workspaces are assumed."""
    batch_size: int
    sequence_length: int | None
    """Tokens of the longest example; None for models that read no tokens."""
    dtype: str | None = None
    """Of the base weights; None in an earlier estimate, which did not keep it."""
    quantisation: str | None = None
    """Format of the base model's linear layers, as in a recipe; None for none."""
    gradient_checkpointing: bool | None = None
    loss_chunks: int | None = None
    train: MemoryPeak
    generate: MemoryPeak | None = None
    """None for models that generate nothing."""
    generate_batch_size: int | None = None
    trainable_parameters: int
    total_parameters: int
    checkpoint_bytes: int | None = None
    """Bytes of the files that the method would write; None where it was not asked for."""
    budgets: tuple[BudgetAnswer, ...] = ()
    sharded: ShardedMemory | None = None
    assumptions: tuple[str, ...] = ()
    seconds: float
    """How long it took to compute."""

    @field_validator("quantisation", mode="before")
    @classmethod
    def _by_its_present_name(cls, value: Any) -> Any:
        return present_name(value)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield what is predicted for what; `model_dump` has all of it."""
        yield from {"method": self.method, "model": self.model, "device": self.gpu or self.device}.items()
        yield from {"batch_size": self.batch_size, "sequence_length": self.sequence_length}.items()
        yield "train_needed_bytes", self.train.needed_bytes


class NotEstimated(Data):
    """A method whose memory could not be computed, and why."""

    model: str
    method: str
    reason: str


class Estimates(Shown, list[MemoryEstimate | NotEstimated]):
    """Estimates for several methods. `print` and notebooks show the table of `paretune estimate`."""
