"""Texts with classes: their batches, the loss of a classification head, and the classes that it gives."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretune.engine.batches import BatchesByLength
from paretune.engine.generate import shared_batches


class Labelled(NamedTuple):
    """One text as token ids, with its class."""

    input_ids: list[int]
    label: int
    """The number of the class."""

    @property
    def num_tokens(self) -> int:
        """Tokens of the text."""
        return len(self.input_ids)


class LabelledBatch(NamedTuple):
    """Right-padded texts with their classes."""

    input_ids: Tensor
    """int64, shape (batch, tokens)."""
    attention_mask: Tensor
    """int64, shape (batch, tokens), 1 on tokens and 0 on padding."""
    labels: Tensor
    """int64, shape (batch)."""

    @property
    def num_terms(self) -> int:
        """Texts that the loss is summed over."""
        return len(self.labels)

    def to(self, device: torch.device) -> "LabelledBatch":
        """Return the batch on another device."""
        return LabelledBatch(*(tensor.to(device) for tensor in self))


class LabelledBatches(BatchesByLength[Labelled, LabelledBatch]):
    """Batches of texts with their classes."""

    def collate(self, rows: Sequence[Labelled]) -> LabelledBatch:
        """Return texts as one right-padded batch."""
        return labelled_batch(rows, self._pad_id)


def labelled_batch(rows: Sequence[Labelled], pad_id: int) -> LabelledBatch:
    """Return texts as one right-padded batch."""
    shape = (len(rows), max(row.num_tokens for row in rows))
    input_ids = torch.full(shape, pad_id)
    attention_mask = torch.zeros(shape, dtype=torch.int64)
    for position, row in enumerate(rows):
        input_ids[position, : row.num_tokens] = torch.tensor(row.input_ids)
        attention_mask[position, : row.num_tokens] = 1
    return LabelledBatch(input_ids, attention_mask, torch.tensor([row.label for row in rows]))


def labelled_rows(texts: Iterable[str], labels: Iterable[int], tokenizer: Any) -> list[Labelled]:
    """Return texts as token ids, with the special tokens that the tokenizer adds, and the numbers of their classes."""
    return [Labelled(tokenizer(text)["input_ids"], label) for text, label in zip(texts, labels, strict=True)]


def classification_loss(model: nn.Module, batch: LabelledBatch) -> Tensor:
    """Return the negative log-likelihood of the right classes, summed, in nats."""
    return cross_entropy(class_logits(model, batch).float(), batch.labels, reduction="sum")


def class_logits(model: nn.Module, batch: LabelledBatch) -> Tensor:
    """Return the logits of the classes, shape (batch, classes)."""
    logits: Tensor = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    return logits


def classify(
    model: nn.Module,
    rows: Sequence[Labelled],
    pad_id: int,
    batch_size: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[int]:
    """Return the number of the likeliest class of each text, in their order.

    Texts of similar lengths are read together, the longest first. `on_progress(done, total)` is called after each
    batch.
    """
    device = next(model.parameters()).device
    found: dict[int, int] = {}
    model.eval()
    for indices in shared_batches([row.num_tokens for row in rows], batch_size):
        batch = labelled_batch([rows[index] for index in indices], pad_id).to(device)
        with torch.no_grad():
            classes: list[int] = class_logits(model, batch).float().argmax(dim=-1).tolist()
        found.update(zip(indices, classes, strict=True))
        if on_progress is not None:
            on_progress(len(found), len(rows))
    return [found[index] for index in range(len(rows))]
