"""Forgetting: how well a model still predicts general text that it was not trained on.

One row of the probe, `texts/state_of_the_union.jsonl`: an object whose "text" is a passage of an American president's
speech to Congress.
"""

import json
from collections.abc import Sequence
from importlib import resources
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretune.spec import InputError

MAX_TOKENS = 96
"""Tokens of each text that are read."""


def general_texts() -> tuple[str, ...]:
    """Return the passages of general text on which forgetting is measured, always the same ones in the same order."""
    rows = resources.files("paretune.measure").joinpath("texts", "state_of_the_union.jsonl").read_text(encoding="utf-8")
    return tuple(json.loads(row)["text"] for row in rows.splitlines() if row.strip())


def text_losses(
    model: nn.Module, tokenizer: Any, texts: Sequence[str], max_tokens: int = MAX_TOKENS
) -> tuple[float, ...]:
    """Return each text's mean loss per token in nats, over its first `max_tokens` tokens but the very first.

    Texts are read one at a time, in eval mode, so that no value depends on the others. The model's mode is put back.
    Raises `InputError` as `check_texts` does.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    with torch.no_grad():
        losses = [_loss(model, _tokens(tokenizer, text, max_tokens).to(device)) for text in texts]
    model.train(was_training)
    return tuple(losses)


def check_texts(tokenizer: Any, texts: Sequence[str], max_tokens: int = MAX_TOKENS) -> None:
    """Raise `InputError` for a text of fewer than two tokens, since nothing in it can be predicted."""
    for text in texts:
        _tokens(tokenizer, text, max_tokens)


def _tokens(tokenizer: Any, text: str, max_tokens: int) -> Tensor:
    """Return token ids of shape (1, sequence)."""
    ids = tokenizer(text, verbose=False)["input_ids"][:max_tokens]
    if len(ids) < 2:
        raise InputError(
            f"general_text: {shorten(text, 60)!r} has too few tokens ({len(ids)}): the first is not predicted; "
            "leave the text out, or raise min_characters"
        )
    return torch.tensor([ids])


def _loss(model: nn.Module, input_ids: Tensor) -> float:
    logits: Tensor = model(input_ids=input_ids, attention_mask=torch.ones_like(input_ids)).logits
    # Prompt methods put virtual tokens in front, with logits of their own: the text's logits are the last ones.
    predicting = logits[0, -input_ids.shape[1] : -1].float()
    return cross_entropy(predicting, input_ids[0, 1:], reduction="none").double().mean().item()
