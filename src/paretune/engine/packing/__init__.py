"""Several trials trained at once on one copy of the base model, each as it would be alone."""

from paretune.engine.packing.batches import LossesOf, PackedBatch
from paretune.engine.packing.losses import packed_answer_losses
from paretune.engine.packing.sharing import NotPackable, sharing_copy, weight_sums
from paretune.engine.packing.train import Trainee, train_packed

__all__ = [
    "LossesOf",
    "NotPackable",
    "PackedBatch",
    "Trainee",
    "packed_answer_losses",
    "sharing_copy",
    "train_packed",
    "weight_sums",
]
