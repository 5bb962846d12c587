"""Examples as batches of tokens: similar lengths together, the same order for the same seed."""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from paretune.engine.encoding import Encoded, encode_within
from paretune.spec import InputError, Recipe
from paretune.tasks import Example, Split

WINDOW_BATCHES = 12
"""Batches whose examples are sorted by length together. Wider windows pad less and shuffle less."""
LISTED_WINDOW_BATCHES = 20
"""Likewise where the data's order is kept: the window of peft's method comparison."""


_IN_WORDS: dict[Split, str] = {"train": "training", "validation": "validation", "test": "test"}


class Row(Protocol):
    """One example as tokens, without what else is to be learnt from it."""

    @property
    def num_tokens(self) -> int:
        """Return the tokens of the whole example."""


class DataBatch(Protocol):
    """What the training loop asks of a batch: a named tuple of tensors whose first dimension is the batch's rows."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the tensors."""

    @property
    def num_terms(self) -> int:
        """Return how many terms the objective sums up."""

    def to(self, device: torch.device) -> Any:
        """Return the batch on a device."""


RowT = TypeVar("RowT", bound=Row)
BatchT = TypeVar("BatchT")


class Batch(NamedTuple):
    """Right-padded examples. All tensors have the shape (batch, sequence)."""

    input_ids: Tensor
    """int64"""
    attention_mask: Tensor
    """int64, 1 on tokens and 0 on padding."""
    answer_mask: Tensor
    """bool, true on the tokens that the loss is taken on."""

    @property
    def inputs(self) -> dict[str, Tensor]:
        """What a model is called with, by name."""
        return {"input_ids": self.input_ids, "attention_mask": self.attention_mask}

    @property
    def num_terms(self) -> int:
        """Tokens that the loss is summed over."""
        return int(self.answer_mask[:, 1:].sum())

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on another device, with the mask of answers in main memory: see `picked`."""
        return Batch(sent(self.input_ids, device), sent(self.attention_mask, device), self.answer_mask)


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device. The processor does not wait until it is there: the device's later work does."""
    if tensor.device.type == "cpu" and device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def picked(values: Tensor, mask: Tensor) -> Tensor:
    """Return what stands at a mask's true places: of shape (batch, sequence, ...), shape (true places, ...).

    Where the mask is in main memory, the processor does not wait for the device of the values to know how many.
    """
    places = mask.flatten().nonzero().squeeze(1)
    return values.flatten(0, 1).index_select(0, sent(places, values.device))


class BatchesByLength(ABC, Generic[RowT, BatchT]):
    """Batches without end, or each example once. Iterating again begins again with the same order."""

    def __init__(
        self,
        encoded: Sequence[RowT],
        batch_size: int,
        pad_id: int,
        seed: int,
        *,
        num_left_out: int = 0,
        one_pass: bool = False,
        shuffled: bool = True,
    ) -> None:
        self._encoded = encoded
        self._batch_size = batch_size
        self._pad_id = pad_id
        self._seed = seed
        self._one_pass = one_pass
        self._shuffled = shuffled
        self.num_left_out = num_left_out
        """Examples that were longer than the recipe allows."""

    @abstractmethod
    def collate(self, rows: Sequence[RowT]) -> BatchT:
        """Return examples as one right-padded batch."""

    def __iter__(self) -> Iterator[BatchT]:
        if self._one_pass:
            yield from map(self._batch, _cut(self._by_length(range(len(self._encoded))), self._batch_size))
            return
        shuffle = random.Random(self._seed)
        while True:
            yield from map(self._batch, self._epoch(shuffle))

    def _batch(self, indices: Sequence[int]) -> BatchT:
        return self.collate([self._encoded[index] for index in indices])

    def _epoch(self, shuffle: random.Random) -> list[list[int]]:
        """Return the batches of one pass, as indices. A last batch that is not full is left to the next pass."""
        order = list(range(len(self._encoded)))
        if not self._shuffled:
            return self._listed(order)
        shuffle.shuffle(order)
        batches: list[list[int]] = []
        for window in _cut(order, self._batch_size * WINDOW_BATCHES):
            batches += _cut(self._by_length(window), self._batch_size)
        full = [batch for batch in batches if len(batch) == self._batch_size] or batches
        shuffle.shuffle(full)
        return full

    def _listed(self, order: list[int]) -> list[list[int]]:
        """Return the batches of one pass over the data as it is listed, longest first within each window."""
        windows = _cut(order, self._batch_size * LISTED_WINDOW_BATCHES)
        batches = [batch for window in windows for batch in _cut(self._by_length(window)[::-1], self._batch_size)]
        return [batch for batch in batches if len(batch) == self._batch_size] or batches

    def _by_length(self, indices: Sequence[int]) -> list[int]:
        return sorted(indices, key=lambda index: (self._encoded[index].num_tokens, index))


class Batches(BatchesByLength[Encoded, Batch]):
    """Batches of prompts with their answers."""

    def collate(self, rows: Sequence[Encoded]) -> Batch:
        """Return examples as one right-padded batch."""
        shape = (len(rows), max(row.num_tokens for row in rows))
        input_ids = torch.full(shape, self._pad_id)
        attention_mask = torch.zeros(shape, dtype=torch.int64)
        answer_mask = torch.zeros(shape, dtype=torch.bool)
        for position, row in enumerate(rows):
            attention_mask[position, : row.num_tokens] = 1
            start = 0
            for ids, trained in row.segments:
                input_ids[position, start : start + len(ids)] = torch.tensor(ids, dtype=torch.int64)
                answer_mask[position, start : start + len(ids)] = trained
                start += len(ids)
        return Batch(input_ids, attention_mask, answer_mask)


class Repeated(Generic[BatchT]):
    """The same batch without end, as often as it is iterated."""

    def __init__(self, batch: BatchT) -> None:
        self._batch = batch

    def __iter__(self) -> Iterator[BatchT]:
        return repeat(self._batch)


def make_batches(
    examples: Sequence[Example],
    tokenizer: Any,
    recipe: Recipe,
    seed: int,
    *,
    one_pass: bool = False,
    split: Split = "train",
) -> Batches:
    """Return shuffled batches without end, or with `one_pass` every example once in the order of length.

    Raises `InputError`, naming the split, when no example fits into the recipe's `max_length`.
    """
    encoded = [_encode(example, tokenizer, recipe) for example in examples]
    kept = fitting(encoded, recipe, split)
    return Batches(
        kept,
        recipe.batch_size,
        tokenizer.pad_token_id,
        seed,
        num_left_out=len(encoded) - len(kept),
        one_pass=one_pass,
        shuffled=recipe.data_order == "shuffled",
    )


def check_lengths(examples: Sequence[Example], tokenizer: Any, recipe: Recipe, split: Split) -> None:
    """Stop at the first example that fits into the recipe's `max_length`; raise `InputError` when none does."""
    check_fits((_encode(example, tokenizer, recipe) for example in examples), recipe, split)


def longest_batches(examples: Sequence[Example], tokenizer: Any, recipe: Recipe) -> Batches:
    """Return batches that hold nothing but the longest examples, for the most that training can need.

    Raises `InputError` where no example is short enough for the recipe.
    """
    encoded = [_encode(example, tokenizer, recipe) for example in examples]
    return Batches(longest(encoded, recipe), recipe.batch_size, tokenizer.pad_token_id, seed=0)


def fitting(encoded: Sequence[RowT], recipe: Recipe, split: Split) -> list[RowT]:
    """Return the examples within the recipe's `max_length`. Raises `InputError`, naming the split, for none."""
    check_fits(encoded, recipe, split)
    return [row for row in encoded if row.num_tokens <= recipe.max_length]


def longest(encoded: Sequence[RowT], recipe: Recipe) -> list[RowT]:
    """Return one batch of the longest training examples within the recipe's `max_length`, the longest last.

    Raises `InputError` as `fitting` does.
    """
    return sorted(fitting(encoded, recipe, "train"), key=lambda row: row.num_tokens)[-recipe.batch_size :]


def check_fits(encoded: Iterable[Row], recipe: Recipe, split: Split) -> None:
    """Stop at the first example within the recipe's `max_length`; raise `InputError`, naming the split, for none."""
    lengths: list[int] = []
    for row in encoded:
        lengths.append(row.num_tokens)
        if lengths[-1] <= recipe.max_length:
            return
    raise InputError(
        f"recipe: max_length = {recipe.max_length} leaves no {_IN_WORDS[split]} example out of {len(lengths)} "
        f"(the shortest has {min(lengths, default=0)} tokens); raise max_length"
    )


def _encode(example: Example, tokenizer: Any, recipe: Recipe) -> Encoded:
    return encode_within(example, tokenizer, recipe.max_length, whole_text=recipe.loss_on == "whole_text")


def _cut(indices: Sequence[int], size: int) -> list[list[int]]:
    return [list(indices[start : start + size]) for start in range(0, len(indices), size)]
