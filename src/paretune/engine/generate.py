"""Generated answers, in padded batches."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import StoppingCriteria, StoppingCriteriaList

from paretune.engine.pictured import Pictured, pictured_batch

OnProgress = Callable[[int, int], None]


def answer(
    model: nn.Module,
    tokenizer: Any,
    prompts: Sequence[str | list[int] | Pictured],
    *,
    max_new_tokens: int,
    stop: Sequence[str] = (),
    end_ids: Sequence[int] = (),
    batch_size: int,
    min_new_tokens: int = 0,
    temperature: float = 0.0,
    top_p: float = 1.0,
    on_progress: OnProgress | None = None,
) -> list[str]:
    """Return one answer for each prompt, in their order, cut before the first of the `stop` strings.

    A prompt is text, token ids, or tokens with a picture; either all have one, or none has.

    An answer ends with the tokenizer's end token, or with one of `end_ids`.

    Answers are greedy, or drawn with torch's generator at a `temperature` above 0 from the likeliest tokens that hold
    `top_p` of the probability.

    Prompts of different lengths are padded on the left. A batch of one holds no padding. In float32 a greedy answer is
    the same in every batch, for methods whose audit finds no dependence on other items in the batch or on padding. In
    bfloat16 it need not be: matrix products of another shape are rounded differently, and two tokens whose logits are
    nearly equal can change places. Results in bfloat16 therefore belong to one `batch_size`, which is
    `answer_batch_size` in the record's recipe, or 1 for methods that are evaluated so. No answer ends itself before
    `min_new_tokens`. `on_progress(done, total)` is called after each batch.
    """
    encoded: list[Any] = [tokenizer(prompt)["input_ids"] if isinstance(prompt, str) else prompt for prompt in prompts]
    ends = list(dict.fromkeys((tokenizer.eos_token_id, *end_ids)))
    answers: dict[int, str] = {}
    drawing = {"do_sample": True, "temperature": temperature, "top_p": top_p} if temperature else {"do_sample": False}
    limits = {"min_new_tokens": min_new_tokens, "max_new_tokens": max_new_tokens}
    model.eval()
    for indices in shared_batches([len(row) for row in encoded], batch_size):
        rows = [encoded[index] for index in indices]
        new_tokens = _generate(model, tokenizer, rows, stop, limits | drawing | {"eos_token_id": ends})
        for index, text in zip(indices, tokenizer.batch_decode(new_tokens, skip_special_tokens=True), strict=True):
            answers[index] = cut_before(text, stop)
        if on_progress is not None:
            on_progress(len(answers), len(prompts))
    return [answers[index] for index in range(len(prompts))]


def longest_first(lengths: Sequence[int]) -> list[int]:
    """Return the indices of lengths, from the longest on; equal ones in their order."""
    return sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))


def shared_batches(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Return which prompts are answered together, by their indices: longest first, so that memory runs out early."""
    order = longest_first(lengths)
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


class _Stops(StoppingCriteria):  # type: ignore[misc] # transformers is not typed
    """Ends a row once its answer holds one of the strings."""

    def __init__(self, tokenizer: Any, prompt_length: int, stop: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._prompt_length = prompt_length
        self._stop = stop

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        texts = self._tokenizer.batch_decode(input_ids[:, self._prompt_length :], skip_special_tokens=True)
        ended = [any(string in text for string in self._stop) for text in texts]
        return torch.tensor(ended, device=input_ids.device)


def _generate(model: Any, tokenizer: Any, rows: Sequence[Any], stop: Sequence[str], settings: dict[str, Any]) -> Tensor:
    """Return the new tokens, shape (rows, new tokens). `settings` are transformers' own: limits, ends, sampling."""
    longest = max(len(row) for row in rows)
    device = next(model.parameters()).device
    inputs = _inputs(rows, longest, tokenizer.pad_token_id)
    with torch.no_grad():
        whole: Tensor = model.generate(
            **{name: tensor.to(device) for name, tensor in inputs.items()},
            **settings,
            num_beams=1,
            pad_token_id=tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList([_Stops(tokenizer, longest, stop)] if stop else []),
        )
    return whole[:, longest:]


def _inputs(rows: Sequence[Any], longest: int, pad_id: int) -> dict[str, Tensor]:
    """Return prompts padded on the left to the number of tokens of the longest, as a model is called with them."""
    if isinstance(rows[0], Pictured):
        return pictured_batch(rows, pad_id, left=True).inputs
    input_ids = torch.full((len(rows), longest), pad_id)
    attention_mask = torch.zeros_like(input_ids)
    for position, row in enumerate(rows):
        input_ids[position, longest - len(row) :] = torch.tensor(row)
        attention_mask[position, longest - len(row) :] = 1
    return {"input_ids": input_ids, "attention_mask": attention_mask}


def cut_before(text: str, stop: Sequence[str]) -> str:
    """Return a text up to the first of the stop strings."""
    ends = [text.find(string) for string in stop]
    return text[: min((end for end in ends if end >= 0), default=len(text))]
