"""What methods share whose start is computed from training data: EVA, CorDA, LoRA-GA and others that look at texts."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from paretune.methods.base import Context, Objective
from paretune.spec import InputError, MethodSpec

START_BATCHES = 16
"""How many training batches are looked at where the study does not say."""


def first_batches(spec: MethodSpec, model: nn.Module, batches: Iterable[Any]) -> list[Any]:
    """Return the first `start_batches` training batches on the model's device.

    Raises `InputError` when there is no data.
    """
    number = spec.parameters.get("start_batches", START_BATCHES)
    device = next(model.parameters()).device
    found = [batch.to(device) for batch in islice(batches, number)]
    if not found:
        raise InputError(f'method "{spec.label}": there is no training data to start from')
    return found


def required_objective(spec: MethodSpec, context: Context) -> Objective:
    """Return what training minimises. Raises `InputError` where the context does not say."""
    if context.objective is None:
        raise InputError(f'method "{spec.label}": its start is computed from data; give the context an objective')
    return context.objective


def text_rows(inputs: Tensor, batch: Any) -> Tensor:
    """Return a layer's inputs of shape (..., width) as rows (positions, width), those of padding left out."""
    mask: Tensor | None = getattr(batch, "attention_mask", None)
    if mask is not None and inputs.shape[:-1] == mask.shape:
        return inputs[mask.bool()]
    return inputs.reshape(-1, inputs.shape[-1]).contiguous()


def prompts_and_answers(spec: MethodSpec, batches: Iterable[Any]) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the token ids of every text of the batches, the question's and the answer's.

    Where a batch does not say which tokens are the answer's, all are the question's. Raises `InputError` for batches
    that hold no text.
    """
    for batch in batches:
        if not hasattr(batch, "input_ids"):
            raise InputError(f'method "{spec.label}": it looks at texts and goes on models of text only')
        ids = batch.input_ids.cpu()  # masks may be there already
        is_text = getattr(batch, "attention_mask", torch.ones_like(ids)).cpu().bool()
        is_answer = getattr(batch, "answer_mask", torch.zeros_like(is_text)).cpu()
        rows: Iterable[tuple[Tensor, Tensor, Tensor]] = zip(ids, is_text, is_answer, strict=True)
        for tokens, text, answer in rows:
            yield tokens[text & ~answer].tolist(), tokens[text & answer].tolist()
