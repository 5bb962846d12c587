"""Examples as batches of tokens: similar lengths together, the same order for the same seed."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from paretune.spec import InputError, Recipe
from paretune.tasks import Example, Split

WINDOW_BATCHES = 12
"""Batches whose examples are sorted by length together. Wider windows pad less and shuffle less."""
LISTED_WINDOW_BATCHES = 20
"""Likewise where the data's order is kept: the window of peft's method comparison."""


_IN_WORDS: dict[Split, str] = {"train": "training", "validation": "validation", "test": "test"}


class Encoded(NamedTuple):
    """One example as token ids."""

    prompt: list[int]
    answer: list[int]
    """Ends with the end-of-text token, so that a model learns to stop."""

    @property
    def num_tokens(self) -> int:
        """Tokens of the whole example."""
        return len(self.prompt) + len(self.answer)


class Batch(NamedTuple):
    """Right-padded examples. All tensors have the shape (batch, sequence)."""

    input_ids: Tensor
    """int64"""
    attention_mask: Tensor
    """int64, 1 on tokens and 0 on padding."""
    answer_mask: Tensor
    """bool, true on the tokens that the loss is taken on."""

    @property
    def num_terms(self) -> int:
        """Tokens that the loss is summed over."""
        return int(self.answer_mask[:, 1:].sum())

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on another device."""
        return Batch(*(tensor.to(device) for tensor in self))


class Batches:
    """Batches without end, or each example once. Iterating again begins again with the same order."""

    def __init__(
        self,
        encoded: Sequence[Encoded],
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

    def __iter__(self) -> Iterator[Batch]:
        if self._one_pass:
            yield from map(self._collate, _cut(self._by_length(range(len(self._encoded))), self._batch_size))
            return
        shuffle = random.Random(self._seed)
        while True:
            yield from map(self._collate, self._epoch(shuffle))

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

    def _collate(self, indices: Sequence[int]) -> Batch:
        rows = [self._encoded[index] for index in indices]
        shape = (len(rows), max(row.num_tokens for row in rows))
        input_ids = torch.full(shape, self._pad_id)
        attention_mask = torch.zeros(shape, dtype=torch.int64)
        answer_mask = torch.zeros(shape, dtype=torch.bool)
        for position, row in enumerate(rows):
            input_ids[position, : row.num_tokens] = torch.tensor(row.prompt + row.answer)
            attention_mask[position, : row.num_tokens] = 1
            answer_mask[position, len(row.prompt) : row.num_tokens] = True
        return Batch(input_ids, attention_mask, answer_mask)


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
    kept = [row for row in encoded if row.num_tokens <= recipe.max_length]
    if not kept:
        raise _too_long(encoded, recipe, split)
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
    encoded: list[Encoded] = []
    for example in examples:
        encoded.append(_encode(example, tokenizer, recipe))
        if encoded[-1].num_tokens <= recipe.max_length:
            return
    raise _too_long(encoded, recipe, split)


def longest_batches(examples: Sequence[Example], tokenizer: Any, recipe: Recipe) -> Batches:
    """Return batches that hold nothing but the longest examples, for the most that training can need.

    Raises `InputError` where no example is short enough for the recipe.
    """
    encoded = sorted((_encode(example, tokenizer, recipe) for example in examples), key=lambda row: row.num_tokens)
    fitting = [row for row in encoded if row.num_tokens <= recipe.max_length]
    if not fitting:
        raise _too_long(encoded, recipe, "train")
    return Batches(fitting[-recipe.batch_size :], recipe.batch_size, tokenizer.pad_token_id, seed=0)


def _too_long(encoded: Sequence[Encoded], recipe: Recipe, split: Split) -> InputError:
    shortest = min((row.num_tokens for row in encoded), default=0)
    return InputError(
        f"recipe: max_length = {recipe.max_length} leaves no {_IN_WORDS[split]} example out of {len(encoded)} "
        f"(the shortest has {shortest} tokens); raise max_length"
    )


def _encode(example: Example, tokenizer: Any, recipe: Recipe) -> Encoded:
    """Prompt and completion are encoded apart, so that the prompt's tokens are those that a question has.

    Where the loss is on the whole text, all of it but the first token, which nothing predicts, counts as the answer.
    """
    if recipe.loss_on == "whole_text":
        whole = tokenizer(example.prompt + example.completion)["input_ids"]
        return Encoded(whole[:1], [*whole[1:], tokenizer.eos_token_id])
    prompt = tokenizer(example.prompt)["input_ids"]
    answer = tokenizer(example.completion, add_special_tokens=False)["input_ids"]
    return Encoded(prompt, [*answer, tokenizer.eos_token_id])


def _cut(indices: Sequence[int], size: int) -> list[list[int]]:
    return [list(indices[start : start + size]) for start in range(0, len(indices), size)]
