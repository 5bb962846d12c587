"""Causal language models under audit: sums in words, next-token logits and greedy answers."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from paretune.audit.probe import Answers, Dtype, Subject, device_of, evaluated
from paretune.engine import answer_loss, make_batches
from paretune.models import LoadedModel, load_model
from paretune.spec import Recipe
from paretune.tasks import Example

NUM_PADDING = 5
NUM_NEW_TOKENS = 6


class LanguageProbe:
    """Prompts of the same number of tokens."""

    def __init__(self, input_ids: Tensor, pad_id: int, eos_id: int) -> None:
        self._input_ids = input_ids
        self._pad_id = pad_id
        self._eos_id = eos_id

    def outputs(self, model: nn.Module, rows: Sequence[int]) -> Tensor:
        """Return logits of shape (rows, tokens, vocabulary)."""
        return self._logits(model, self._input_ids[list(rows)])

    def padded_outputs(self, model: nn.Module, row: int) -> dict[str, Tensor]:
        """Return one sample's logits with padding before it, as in generation, and after it, as in training."""
        ids = self._input_ids[[row]]
        return {
            "padding on the left": self._logits(model, ids, left=NUM_PADDING),
            "padding on the right": self._logits(model, ids, right=NUM_PADDING),
        }

    def answers(self, model: nn.Module, rows: Sequence[int], num_padding: int = 0) -> Answers:
        """Return what `generate` writes, of a fixed length."""
        device = device_of(model)
        ids, mask = (tensor.to(device) for tensor in self._padded(self._input_ids[list(rows)], num_padding, 0))
        generate: Any = model.generate
        written = evaluated(
            model,
            lambda: generate(
                input_ids=ids,
                attention_mask=mask,
                min_new_tokens=NUM_NEW_TOKENS,
                max_new_tokens=NUM_NEW_TOKENS,
                do_sample=False,
                num_beams=1,
                pad_token_id=self._pad_id,
                eos_token_id=self._eos_id,
                output_logits=True,
                return_dict_in_generate=True,
            ),
        )
        return Answers(written.sequences[:, -NUM_NEW_TOKENS:].cpu(), torch.stack(written.logits, dim=1).cpu())

    def logits_of(self, model: nn.Module, row: int, tokens: Tensor) -> Tensor:
        """Return the logits by which forward passes over the whole text choose each of one sample's new tokens.

        `tokens` has the shape (new tokens); what is returned has (1, new tokens, vocabulary). No cache is used.
        """
        prompt = self._input_ids[row]
        texts = (torch.cat([prompt, tokens[:place]]).unsqueeze(0) for place in range(len(tokens)))
        return torch.stack([self._logits(model, text)[:, -1] for text in texts], dim=1)

    def logits_after_another_end(self, model: nn.Module, row: int) -> Tensor:
        """Return one sample's logits, shape (tokens, vocabulary), with its last token replaced by another."""
        changed = self._input_ids[[row]].clone()
        others = changed[changed != changed[0, -1]]
        changed[0, -1] = others[0]
        return self._logits(model, changed)[0]

    def _logits(self, model: nn.Module, input_ids: Tensor, left: int = 0, right: int = 0) -> Tensor:
        device = device_of(model)
        ids, mask = (tensor.to(device) for tensor in self._padded(input_ids, left, right))
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        # A method that cannot take positions ignores them, here as it does while generating.
        extra = {"position_ids": positions} if left else {}
        output = evaluated(model, lambda: model(input_ids=ids, attention_mask=mask, **extra))
        logits: Tensor = output.logits.cpu()
        end = logits.shape[1] - right
        return logits[:, end - input_ids.shape[1] : end]  # virtual tokens stand before the sample

    def _padded(self, input_ids: Tensor, left: int, right: int) -> tuple[Tensor, Tensor]:
        mask = torch.ones_like(input_ids)
        sides = (left, right)
        return (
            torch.nn.functional.pad(input_ids, sides, value=self._pad_id),
            torch.nn.functional.pad(mask, sides, value=0),
        )


def language_subject(reference: str | None = None, *, tied: bool = False) -> Subject:
    """Return a causal language model by its reference, by default a toy, with sums to learn.

    `tied` asks for the toy whose input and output embeddings are one matrix.
    """
    load = partial(_load_toy, tied=tied) if reference is None else partial(load_model, reference)
    model, tokenizer, _ = load("float32")
    recipe = Recipe(batch_size=4)
    examples = [_sum(first, second) for first, second in ((12, 7), (30, 41), (5, 66), (28, 3))]
    batch = next(iter(make_batches(examples, tokenizer, recipe, seed=0)))
    prompts = [tokenizer(text)["input_ids"] for text in ("Tell me why 37", "What is 52 now", "Give us 9 or 8")]
    length = min(len(prompt) for prompt in prompts)
    input_ids = torch.tensor([prompt[:length] for prompt in prompts])
    probe = LanguageProbe(input_ids, tokenizer.pad_token_id, tokenizer.eos_token_id)
    name, ties = reference or "toy Llama", bool(model.config.tie_word_embeddings)
    return Subject("causal-lm", name, load, probe, batch, answer_loss, ties)


def _load_toy(dtype: Dtype, *, tied: bool) -> LoadedModel:
    """Return the toy Llama with wide weights: what depends on positions shows only where attention is selective."""
    from paretune.models.toy import NOTE, toy_model, toy_tokenizer

    return LoadedModel(toy_model(spread=0.1, tied=tied).to(getattr(torch, dtype)).eval(), toy_tokenizer(), NOTE)


def _sum(first: int, second: int) -> Example:
    total = str(first + second)
    return Example(
        id=f"{first}+{second}", group="sums", prompt=f"{first} and {second} is", completion=f" {total}", target=total
    )
