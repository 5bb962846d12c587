"""What methods share whose start is computed from training data: EVA, CorDA, LoRA-GA and others that look at texts."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

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


def single_texts(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield every text of the batches as a batch of its own, without padding."""
    for batch in batches:
        for index, num_tokens in enumerate(batch.attention_mask.sum(dim=1).tolist()):
            row = batch.part(index, len(batch.attention_mask))
            yield type(batch)(*(tensor[:, :num_tokens] for tensor in row))


def prompts_and_answers(batches: Iterable[Any]) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the token ids of every text of the batches, the question's and the answer's."""
    for batch in batches:
        rows: Iterable[tuple[Tensor, Tensor, Tensor]] = zip(
            batch.input_ids, batch.attention_mask.bool(), batch.answer_mask, strict=True
        )
        for tokens, is_text, is_answer in rows:
            yield tokens[is_text & ~is_answer].tolist(), tokens[is_text & is_answer].tolist()
