"""The one training loop, its batches, and the generation of answers."""

from paretune.engine.batches import Batch, Batches, check_lengths, longest_batches, make_batches
from paretune.engine.generate import answer
from paretune.engine.objective import answer_loss, validation_loss
from paretune.engine.train import DataBatch, Divergence, Training, rate_factor, train

__all__ = [
    "Batch",
    "Batches",
    "DataBatch",
    "Divergence",
    "Training",
    "answer",
    "answer_loss",
    "check_lengths",
    "longest_batches",
    "make_batches",
    "rate_factor",
    "train",
    "validation_loss",
]
