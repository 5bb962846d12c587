"""Greedy answers from a pool of rows: a row whose answer has ended leaves, and the next question takes its place."""

import inspect
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from paretune.engine.generate import OnProgress, cut_before, longest_first

_REFILL_SHARE = 4
"""New questions are read once one row in so many is free: reading them is a forward pass of its own."""


def can_pool(model: Any) -> bool:
    """Tell whether rows can join and leave a model's cache: each layer of it holds every token that was read."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    named = inspect.signature(base.forward).parameters
    takes_places = {"position_ids", "past_key_values", "logits_to_keep"} <= named.keys()
    return takes_places and all(type(layer) is DynamicLayer for layer in DynamicCache(config=base.config).layers)


def answer_in_pool(
    model: nn.Module,
    tokenizer: Any,
    prompts: Sequence[list[int]],
    *,
    max_new_tokens: int,
    stop: Sequence[str] = (),
    end_ids: Sequence[int] = (),
    batch_size: int,
    temperature: float = 0.0,
    top_p: float = 1.0,  # noqa: ARG001 (of sampling alone)
    on_progress: OnProgress | None = None,
) -> list[str]:
    """Return what `answer` returns, in less time: at most `batch_size` rows, none of which waits for others to end.

    The longest prompts come first, and what all prompts begin with is read once. In float32 an answer is the one that
    the prompt gets alone, but for ties within rounding, for models whose forward pass depends on nothing but tokens,
    positions, mask and cache. In
    other dtypes it need not be, as in every batch. `on_progress(done, total)` is called when answers have ended.

    Raises `ValueError` at a `temperature` above 0: samples would depend on the order in which they are drawn.
    """
    if temperature:
        raise ValueError("a pool of rows answers greedily; to sample, take transformers' generate")
    waiting = longest_first(list(map(len, prompts)))
    ends = {tokenizer.eos_token_id, *end_ids}
    answers: dict[int, str] = {}

    def ended(tokens: list[int], text: str) -> bool:
        return tokens[-1] in ends or len(tokens) == max_new_tokens or any(string in text for string in stop)

    model.eval()
    with torch.no_grad():
        rows = _Rows(model, tokenizer.pad_token_id, prompts)
        while len(answers) < len(prompts):
            free = batch_size - len(rows.questions)
            if waiting and (free * _REFILL_SHARE >= batch_size or free >= len(waiting)):
                rows.read(waiting[:free])
                del waiting[:free]
            else:
                rows.step()
            texts = tokenizer.batch_decode(rows.written, skip_special_tokens=True)
            done = list(map(ended, rows.written, texts))
            if any(done):
                found = zip(rows.questions, texts, done, strict=True)
                answers |= {question: cut_before(text, stop) for question, text, over in found if over}
                rows.keep([row for row, over in enumerate(done) if not over])
                if on_progress is not None:
                    on_progress(len(answers), len(prompts))
    return [answers[index] for index in range(len(prompts))]


def shared_prefix(prompts: Sequence[list[int]]) -> int:
    """Return how many tokens all prompts begin with, short of the whole of one; 0 for a single prompt."""
    if len(prompts) < 2:
        return 0
    first, last = min(prompts), max(prompts)
    longest = min(map(len, prompts)) - 1
    return next((place for place in range(longest) if first[place] != last[place]), longest)


class _Rows:
    """The questions that are being answered: a row each of a cache that is padded on the left.

    The mask has the shape (rows, places in the cache); ones are tokens.
    """

    def __init__(self, model: Any, pad_id: int, prompts: Sequence[list[int]]) -> None:
        self.questions: list[int] = []
        self.written: list[list[int]] = []
        """The new tokens of each row."""
        self._model = model
        self._prompts = prompts
        self._pad_id = pad_id
        self._device = next(model.parameters()).device
        self._mask = torch.zeros((0, 0), dtype=torch.long, device=self._device)
        self._cache = DynamicCache(config=model.config)
        self._num_shared = shared_prefix(prompts)
        self._prefix = DynamicCache(config=model.config)
        if self._num_shared:
            ids = torch.tensor([prompts[0][: self._num_shared]], device=self._device)
            self._next_tokens(ids, torch.ones_like(ids), self._prefix)

    def read(self, questions: Sequence[int]) -> None:
        """Add a row for each question, with the first token of its answer."""
        rows = [self._prompts[question][self._num_shared :] for question in questions]
        longest = max(map(len, rows))
        ids = torch.tensor([[self._pad_id] * (longest - len(row)) + row for row in rows], device=self._device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=self._device)
        mask = pad(mask, (self._num_shared, 0), value=1)
        cache = deepcopy(self._prefix)
        cache.batch_repeat_interleave(len(rows))
        tokens = self._next_tokens(ids, mask, cache)
        self._join(mask, cache)
        self.questions += questions
        self.written += [[token] for token in tokens]

    def step(self) -> None:
        """Add the next token to each row."""
        ids = torch.tensor([[tokens[-1]] for tokens in self.written], device=self._device)
        self._mask = pad(self._mask, (0, 1), value=1)
        for tokens, token in zip(self.written, self._next_tokens(ids, self._mask, self._cache), strict=True):
            tokens.append(token)

    def keep(self, rows: Sequence[int]) -> None:
        """Let all other rows leave, and the places on the left that only they needed."""
        self.questions = [self.questions[row] for row in rows]
        self.written = [self.written[row] for row in rows]
        chosen = torch.tensor(rows, dtype=torch.long, device=self._device)
        self._mask = self._mask[chosen]
        start = int(self._mask.any(dim=0).int().argmax()) if rows else self._mask.shape[1]
        self._mask = self._mask[:, start:]
        for layer in _filled(self._cache):
            layer.keys, layer.values = layer.keys[chosen, :, start:], layer.values[chosen, :, start:]

    def _next_tokens(self, ids: Tensor, mask: Tensor, cache: DynamicCache) -> list[int]:
        """Run the model on tokens that follow what a cache holds, and return the likeliest next one of each row."""
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        output = self._model(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True,
            logits_to_keep=1,
        )  # fmt: skip
        tokens: list[int] = output.logits[:, -1].argmax(dim=-1).tolist()
        return tokens

    def _join(self, mask: Tensor, cache: DynamicCache) -> None:
        """Add rows to the cache; the narrower of the two is padded on the left."""
        if not self.questions:
            self._mask, self._cache = mask, cache
            return
        width = max(mask.shape[1], self._mask.shape[1])
        self._mask = torch.cat([_widened(self._mask, width), _widened(mask, width)])
        for mine, new in zip(_filled(self._cache), _filled(cache), strict=True):
            mine.keys = torch.cat([_widened(mine.keys, width, -2), _widened(new.keys, width, -2)])
            mine.values = torch.cat([_widened(mine.values, width, -2), _widened(new.values, width, -2)])


def _filled(cache: DynamicCache) -> list[Any]:
    """Return the layers that hold keys and values: some architectures share those of other layers."""
    return [layer for layer in cache.layers if layer.is_initialized]


def _widened(rows: Tensor, width: int, dim: int = -1) -> Tensor:
    """Pad one of the last two dimensions on the left with zeros."""
    missing = width - rows.shape[dim]
    return pad(rows, (missing, 0) if dim == -1 else (0, 0, missing, 0))
