"""What an audit puts through an image-text model: questions of one length, each about an image of its own."""

import io
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from paretune.engine.encoding import Encoded, Segment
from paretune.engine.pictured import PictureBatch, Pictured, encode_pictured, pictured_batch
from paretune.kinds.probe import NUM_PADDING, Answers, Dtype, device_of, evaluated, written_answers
from paretune.models import LoadedModel
from paretune.models.toy import NOTE
from paretune.models.toy_idefics3 import SIDE_PIXELS, toy_idefics3, toy_picture_tokenizer
from paretune.tasks import Example, Message

_WIDE = 0.1
"""Standard deviation of the toy's weights: what depends on the image shows only where attention is selective."""
_COLOURS = {"red": (220, 40, 40), "blue": (40, 60, 220), "green": (40, 180, 60), "black": (10, 10, 10)}


def load_toy(dtype: Dtype) -> LoadedModel:
    """Return the toy Idefics3 with wide weights."""
    return LoadedModel(toy_idefics3(_WIDE).to(getattr(torch, dtype)), toy_picture_tokenizer(), NOTE)


def learnt_batch(tokenizer: Any) -> PictureBatch:
    """Return four images of one colour each, and questions of different lengths that are answered by it."""
    asked = ("Which colour?", "What colour is it?", "Name it", "The colour of the image?")
    rows = [
        encode_pictured(_example(question, colour, _file(_plain(shade))), tokenizer)
        for question, (colour, shade) in zip(asked, _COLOURS.items(), strict=True)
    ]
    return pictured_batch(rows, tokenizer.pad_token_id)


def asked_rows(tokenizer: Any) -> list[Pictured]:
    """Return three questions of the same number of tokens, without answers, each about another image."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (3, SIDE_PIXELS, SIDE_PIXELS, 3), generator=generator, dtype=torch.uint8)
    rows = [
        encode_pictured(_example(question, "a", _file(pixels)), tokenizer)
        for question, pixels in zip(("Tell me why 37", "What is 52 now", "Give us 9 or 8"), noise, strict=True)
    ]
    return [_with_more(row, torch.tensor([], dtype=torch.int64)) for row in rows]


class PicturedProbe:
    """Questions of the same number of tokens, each with its image."""

    def __init__(self, rows: Sequence[Pictured], pad_id: int, eos_id: int) -> None:
        self._rows = rows
        self._pad_id = pad_id
        self._eos_id = eos_id

    def outputs(self, model: nn.Module, rows: Sequence[int]) -> Tensor:
        """Return logits of shape (rows, tokens, vocabulary)."""
        return self._logits(model, [self._rows[row] for row in rows])

    def padded_outputs(self, model: nn.Module, row: int) -> dict[str, Tensor]:
        """Return one sample's logits with padding before it, as in generation, and after it, as in training."""
        one = [self._rows[row]]
        return {
            "padding on the left": self._logits(model, one, left=NUM_PADDING),
            "padding on the right": self._logits(model, one, right=NUM_PADDING),
        }

    def answers(self, model: nn.Module, rows: Sequence[int], num_padding: int = 0) -> Answers:
        """Return what `generate` writes, of a fixed length."""
        batch = self._batch(model, [self._rows[row] for row in rows], num_padding, 0)
        return written_answers(model, batch.inputs, self._pad_id, self._eos_id)

    def logits_of(self, model: nn.Module, row: int, tokens: Tensor) -> Tensor:
        """Return the logits by which forward passes over the whole text choose each of one sample's new tokens.

        `tokens` has the shape (new tokens); what is returned has (1, new tokens, vocabulary). No cache is used.
        """
        texts = (_with_more(self._rows[row], tokens[:place]) for place in range(len(tokens)))
        return torch.stack([self._logits(model, [text])[:, -1] for text in texts], dim=1)

    def _logits(self, model: nn.Module, rows: Sequence[Pictured], left: int = 0, right: int = 0) -> Tensor:
        batch = self._batch(model, rows, left, right)
        positions = (batch.attention_mask.cumsum(dim=1) - 1).clamp(min=0)
        # A method that cannot take positions ignores them, here as it does while generating.
        extra = {"position_ids": positions} if left else {}
        output = evaluated(model, lambda: model(**batch.inputs, **extra))
        logits: Tensor = output.logits.cpu()
        end = logits.shape[1] - right
        return logits[:, end - rows[0].num_tokens : end]  # virtual tokens stand before the sample

    def _batch(self, model: nn.Module, rows: Sequence[Pictured], left: int, right: int) -> PictureBatch:
        """Return rows of one length as a batch with so much padding in addition, where and as the model computes."""
        dtype = next(model.parameters()).dtype
        found = pictured_batch(rows, self._pad_id).to(device_of(model))
        batch = type(found)(*(tensor.to(dtype) if tensor.is_floating_point() else tensor for tensor in found))
        by_token = batch.input_ids.shape
        return type(batch)(*(
            nn.functional.pad(tensor, (left, right), value=self._pad_id if place == 0 else 0)
            if tensor.shape == by_token else tensor
            for place, tensor in enumerate(batch)
        ))  # fmt: skip


def _with_more(row: Pictured, tokens: Tensor) -> Pictured:
    """Return a question with tokens after it, in place of what stood there."""
    question = row.encoded.segments[0].ids
    along = {name: [*values[: len(question)], *values[-1:] * len(tokens)] for name, values in row.along.items()}
    return Pictured(Encoded((Segment([*question, *tokens.tolist()], False),)), along, row.pictures)


def _example(question: str, answer: str, picture: bytes) -> Example:
    turns = (Message("user", question), Message("assistant", answer))
    return Example(question, question, answer, answer, "all", messages=turns, picture=picture)


def _plain(colour: tuple[int, int, int]) -> Tensor:
    """Return an image of one colour, uint8, shape (height, width, 3)."""
    return torch.tensor(colour, dtype=torch.uint8).expand(SIDE_PIXELS, SIDE_PIXELS, 3)


def _file(pixels: Tensor) -> bytes:
    from PIL import Image

    sink = io.BytesIO()
    Image.fromarray(pixels.contiguous().numpy()).save(sink, "PNG")
    return sink.getvalue()
