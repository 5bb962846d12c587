"""Encoders with a classification head under audit: token sequences to sort into classes."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from paretune.audit.probe import Answers, Dtype, Subject, device_of, evaluated
from paretune.models import LoadedModel
from paretune.models.toy import NOTE, toy_tokenizer
from paretune.models.toy_encoder import NUM_LABELS, toy_encoder

_NUM_TOKENS = 12
_NUM_PADDING = 5


class LabelledBatch(NamedTuple):
    """Sequences of tokens with their classes."""

    input_ids: Tensor
    """int64, shape (batch, tokens)."""
    labels: Tensor
    """int64, shape (batch)."""

    @property
    def num_terms(self) -> int:
        """Samples that the loss is summed over."""
        return len(self.labels)

    def to(self, device: torch.device) -> "LabelledBatch":
        """Return the batch on another device."""
        return LabelledBatch(*(tensor.to(device) for tensor in self))

    def part(self, index: int, num_parts: int) -> "LabelledBatch":
        """Return every `num_parts`-th row from `index` on."""
        return LabelledBatch(*(tensor[index::num_parts] for tensor in self))


def classification_loss(model: nn.Module, batch: LabelledBatch) -> Tensor:
    """Return the negative log-likelihood of the right classes, summed, in nats."""
    output = model(input_ids=batch.input_ids, attention_mask=torch.ones_like(batch.input_ids))
    return nn.functional.cross_entropy(output.logits.float(), batch.labels, reduction="sum")


class EncoderProbe:
    """Sequences of the same number of tokens."""

    def __init__(self, input_ids: Tensor, pad_id: int) -> None:
        self._input_ids = input_ids
        self._pad_id = pad_id

    def outputs(self, model: nn.Module, rows: Sequence[int]) -> Tensor:
        """Return class logits of shape (rows, classes)."""
        return self._logits(model, self._input_ids[list(rows)], 0)

    def padded_outputs(self, model: nn.Module, row: int) -> dict[str, Tensor]:
        """Return one sample's class logits with padding after it."""
        return {"padding on the right": self._logits(model, self._input_ids[[row]], _NUM_PADDING)}

    def answers(self, model: nn.Module, rows: Sequence[int], num_padding: int = 0) -> Answers | None:  # noqa: ARG002
        """Return None: an encoder writes nothing."""
        return None

    def _logits(self, model: nn.Module, input_ids: Tensor, num_padding: int) -> Tensor:
        ids = nn.functional.pad(input_ids, (0, num_padding), value=self._pad_id)
        mask = nn.functional.pad(torch.ones_like(input_ids), (0, num_padding), value=0)
        device = device_of(model)
        output = evaluated(model, lambda: model(input_ids=ids.to(device), attention_mask=mask.to(device)))
        logits: Tensor = output.logits.cpu()
        return logits


def encoder_subject() -> Subject:
    """Return the toy encoder, with random sequences whose class is decided by their first token."""
    tokenizer = toy_tokenizer()
    generator = torch.Generator().manual_seed(0)
    special = len(tokenizer.all_special_ids)
    input_ids = torch.randint(special, len(tokenizer), (7, _NUM_TOKENS), generator=generator)
    batch = LabelledBatch(input_ids[:4], input_ids[:4, 0] % NUM_LABELS)
    probe = EncoderProbe(input_ids[4:], tokenizer.pad_token_id)
    return Subject("encoder", "toy BERT", _load, probe, batch, classification_loss)


def _load(dtype: Dtype) -> LoadedModel:
    return LoadedModel(toy_encoder().to(getattr(torch, dtype)), toy_tokenizer(), NOTE)
