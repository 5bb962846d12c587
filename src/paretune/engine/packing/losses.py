"""The losses of several trials from one forward pass over the rows of all."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretune.engine.batches import picked
from paretune.engine.objective import answer_logits
from paretune.engine.packing.batches import PackedBatch


def packed_answer_losses(model: nn.Module, batch: PackedBatch) -> list[Tensor]:
    """Return for each trial what `answer_loss` gives for its own rows."""
    rows = batch.rows
    targets = picked(rows.input_ids[:, 1:], rows.answer_mask[:, 1:])
    parts = (torch.split(tensor, list(batch.terms)) for tensor in (answer_logits(model, rows), targets))
    return [cross_entropy(mine.float(), wanted, reduction="sum") for mine, wanted in zip(*parts, strict=True)]
