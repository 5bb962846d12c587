"""Texts with what a head should say of them: their batches, the loss of the head, and its answers."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretune.engine.batches import BatchesByLength, sent
from paretune.engine.generate import shared_batches
from paretune.engine.heads import HeadReading
from paretune.spec import InputError
from paretune.tasks import HeadAnswer, LabelledExample


class Labelled(NamedTuple):
    """One text, or two, as token ids, with what the head should say of it."""

    input_ids: list[int]
    label: Any
    """The number of the class; of other problems what `HeadReading.target` returns."""
    token_types: Sequence[int] = ()
    """Which of two texts each token is of, where the tokenizer tells them apart; empty for all of the first."""

    @property
    def num_tokens(self) -> int:
        """Tokens of the text."""
        return len(self.input_ids)


class LabelledBatch(NamedTuple):
    """Right-padded texts with what the head should say of them."""

    input_ids: Tensor
    """int64, shape (batch, tokens)."""
    attention_mask: Tensor
    """int64, shape (batch, tokens), 1 on tokens and 0 on padding."""
    labels: Tensor
    """int64 of shape (batch), the numbers of the classes; of other problems what `HeadReading.tensor` returns."""
    token_type_ids: Tensor
    """int64, shape (batch, tokens); (batch, 0) where no text has a second one."""

    @property
    def num_terms(self) -> int:
        """Texts that the loss is summed over."""
        return len(self.labels)

    @property
    def inputs(self) -> dict[str, Tensor]:
        """What the model is called with."""
        types = {"token_type_ids": self.token_type_ids} if self.token_type_ids.shape[1] else {}
        return {"input_ids": self.input_ids, "attention_mask": self.attention_mask, **types}

    def to(self, device: torch.device) -> "LabelledBatch":
        """Return the batch on another device."""
        return LabelledBatch(*(sent(tensor, device) for tensor in self))


class LabelledBatches(BatchesByLength[Labelled, LabelledBatch]):
    """Batches of texts with what the head should say of them."""

    def __init__(self, rows: Sequence[Labelled], *arguments: Any, targets: Any = torch.tensor, **settings: Any) -> None:
        """`targets` makes a tensor of several labels."""
        super().__init__(rows, *arguments, **settings)
        self._targets = targets

    def collate(self, rows: Sequence[Labelled]) -> LabelledBatch:
        """Return texts as one right-padded batch."""
        return labelled_batch(rows, self._pad_id, self._targets)


def labelled_batch(
    rows: Sequence[Labelled], pad_id: int, targets: Callable[[Sequence[Any]], Tensor] = torch.tensor
) -> LabelledBatch:
    """Return texts as one right-padded batch. `targets` makes a tensor of their labels."""
    shape = (len(rows), max(row.num_tokens for row in rows))
    paired = any(row.token_types for row in rows)
    input_ids = torch.full(shape, pad_id)
    attention_mask, types = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.int64)
    for position, row in enumerate(rows):
        input_ids[position, : row.num_tokens] = torch.tensor(row.input_ids)
        attention_mask[position, : row.num_tokens] = 1
        if row.token_types:
            types[position, : row.num_tokens] = torch.tensor(row.token_types)
    return LabelledBatch(
        input_ids, attention_mask, targets([row.label for row in rows]), types if paired else types[:, :0]
    )


def labelled_rows(
    examples: Iterable[LabelledExample], reading: HeadReading, tokenizer: Any, max_length: int
) -> list[Labelled]:
    """Return texts as token ids, with the special tokens that the tokenizer adds, and what the head should say of them.

    What is longer than `max_length` tokens, or than the tokenizer's model reads, is cut: of two texts the longer one.
    """
    longest = longest_text(tokenizer, max_length)
    return [_row(one, reading.target(one.label), tokenizer, longest) for one in examples]


def longest_text(tokenizer: Any, max_length: int) -> int:
    """Return the tokens of a text that are read: as many as the recipe allows and the tokenizer's model takes."""
    return min(max_length, int(tokenizer.model_max_length))


def _row(example: LabelledExample, label: Any, tokenizer: Any, longest: int) -> Labelled:
    found = tokenizer(example.text, example.second, truncation=True, max_length=longest)
    types = found.get("token_type_ids", ()) if example.second is not None else ()
    return Labelled(found["input_ids"], label, types if any(types) else ())


def head_objective(reading: HeadReading) -> Callable[[nn.Module, LabelledBatch], Tensor]:
    """Return what training minimises: the loss of a head's outputs, summed over the texts of a batch."""
    return partial(_head_loss, reading)


def _head_loss(reading: HeadReading, model: nn.Module, batch: LabelledBatch) -> Tensor:
    return reading.loss(class_logits(model, batch).float(), batch.labels)


def classification_loss(model: nn.Module, batch: LabelledBatch) -> Tensor:
    """Return the negative log-likelihood of the right classes, summed, in nats."""
    return cross_entropy(class_logits(model, batch).float(), batch.labels, reduction="sum")


def class_logits(model: nn.Module, batch: LabelledBatch) -> Tensor:
    """Return the outputs of the head, shape (batch, outputs)."""
    logits: Tensor = model(**batch.inputs).logits
    return logits


def classify(
    model: nn.Module,
    rows: Sequence[Labelled],
    reading: HeadReading,
    pad_id: int,
    batch_size: int,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[HeadAnswer]:
    """Return what the head says of each text, in their order.

    Texts of similar lengths are read together, the longest first. `on_progress(done, total)` is called after each
    batch. Raises `InputError` for outputs that are not finite, which say nothing.
    """
    device = next(model.parameters()).device
    found: dict[int, HeadAnswer] = {}
    model.eval()
    for indices in shared_batches([row.num_tokens for row in rows], batch_size):
        batch = labelled_batch([rows[index] for index in indices], pad_id, reading.tensor).to(device)
        with torch.no_grad():
            logits = class_logits(model, batch).float().cpu()
        if not torch.isfinite(logits).all():
            raise InputError(
                "the head gives outputs that are not finite numbers: training diverged in its last step, or the dtype "
                "is too narrow; lower the learning rate, or take dtype float32"
            )
        answers = reading.answers(logits)
        found.update(zip(indices, answers, strict=True))
        if on_progress is not None:
            on_progress(len(found), len(rows))
    return [found[index] for index in range(len(rows))]
