"""Pictures with text: examples through a model's processor, and batches of them.

Each example goes through the processor by itself, so that it is the same in every batch. What the processor returns
besides tokens differs from class to class and is kept by name: values that stand next to the tokens are
padded with them, all others are stacked and put together again as the processor would return them for the batch.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from paretune.engine.batches import BatchesByLength, check_fits, fitting, longest, sent
from paretune.engine.encoding import Encoded, Segment, encode_answer, ended_once, shown, uses_template
from paretune.spec import InputError, Recipe, one_line
from paretune.tasks import Example, PictureExample, Split, open_picture

_OWN = ("input_ids", "attention_mask", "labels")
"""What a processor returns and is not kept by name: tokens are ours, and so is what the loss is taken on."""
_NUM_OWN = 3
_KEPT_BYTES = 2 << 30
"""Inputs made of the images of a split are kept up to so many bytes. Photos cut into tiles take 10 to 50 MB each."""


@dataclass(frozen=True)
class Pictured:
    """One example as tokens, and what the model is given with them."""

    encoded: Encoded
    along: Mapping[str, list[int]]
    """Values that stand next to the tokens, by the name of the model's input: one for each token."""
    pictures: Mapping[str, Tensor]
    """Other inputs by name, as the processor returns them for this example alone."""

    @property
    def num_tokens(self) -> int:
        """Tokens of the whole example, those that stand for the picture among them."""
        return self.encoded.num_tokens

    @property
    def num_question_tokens(self) -> int:
        """Tokens before the answer, those that stand for the picture among them."""
        return len(self.encoded.segments[0].ids)

    def __len__(self) -> int:
        return self.num_tokens


class MadeAnew(Mapping[str, Tensor]):
    """Inputs that are not kept: the processor makes them each time that they are asked for."""

    def __init__(self, names: tuple[str, ...], made: Callable[[], Mapping[str, Tensor]]) -> None:
        self._names = names
        self.made = made

    def __getitem__(self, name: str) -> Tensor:
        return self.made()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def encode_each(examples: Sequence[Example], encoded: Callable[[Example], Pictured]) -> list[Pictured]:
    """Return examples as `encoded` gives them, their tokens kept, and images' inputs up to a limit of memory.

    The others are made anew, from the examples, each time that a batch has them: the same values.
    """
    rows: list[Pictured] = []
    left = _KEPT_BYTES
    for index, example in enumerate(examples):
        row = encoded(example)
        left -= sum(values.nbytes for values in row.pictures.values())
        if left < 0:
            anew = partial(_inputs_of, examples, index, encoded)
            row = replace(row, pictures=MadeAnew(tuple(row.pictures), anew))
        rows.append(row)
    return rows


def _inputs_of(
    examples: Sequence[Example], index: int, encoded: Callable[[Example], Pictured]
) -> Mapping[str, Tensor]:  # fmt: skip
    return encoded(examples[index]).pictures


def stretched(row: Pictured, num_question: int, num_answer: int) -> Pictured:
    """Return an example, made by `encode_pictured`, with a question and an answer of other lengths, its last token
    repeated. Of an answer without tokens what is left is the question.

    A question is never shorter than it was: the picture is in it.
    """
    question, answer = (segment.ids for segment in row.encoded.segments)
    split, more = len(question), max(0, num_question - len(question))
    along = {
        name: [*values[:split], *values[split - 1 : split] * more, *values[-1:] * num_answer]
        for name, values in row.along.items()
    }
    asked = Segment([*question, *question[-1:] * more], False)
    answered = [Segment([*answer[-1:] * num_answer], True)] if num_answer else []
    return Pictured(Encoded((asked, *answered)), along, row.pictures)


class PictureBatch(tuple[Tensor, ...]):
    """Padded examples with their pictures, as tensors whose first dimension is the rows: see `pictured_batch`.

    Token ids, attention mask and answer mask come first, as in `Batch`; then the values along the tokens, the other
    inputs, each padded to one shape, and how many entries each of those has in each row.
    """

    along: ClassVar[tuple[str, ...]]
    pictures: ClassVar[tuple[str, ...]]

    def __new__(cls, *tensors: Tensor) -> "PictureBatch":
        return super().__new__(cls, tensors)

    @property
    def input_ids(self) -> Tensor:
        """Token ids, int64, shape (batch, sequence)."""
        return self[0]

    @property
    def attention_mask(self) -> Tensor:
        """int64, 1 on tokens and 0 on padding, shape (batch, sequence)."""
        return self[1]

    @property
    def answer_mask(self) -> Tensor:
        """bool, true on the tokens that the loss is taken on, shape (batch, sequence)."""
        return self[2]

    @property
    def inputs(self) -> dict[str, Tensor]:
        """What a model is called with, by name."""
        end = _NUM_OWN + len(self.along)
        found = {"input_ids": self.input_ids, "attention_mask": self.attention_mask}
        found |= dict(zip(self.along, self[_NUM_OWN:end], strict=True))
        padded, counts = self[end : end + len(self.pictures)], self[end + len(self.pictures) :]
        for name, tensor, numbers in zip(self.pictures, padded, counts, strict=True):
            found[name] = torch.cat([row[:number] for row, number in zip(tensor, numbers.tolist(), strict=True)])
        return found

    @property
    def num_terms(self) -> int:
        """Tokens that the loss is summed over."""
        return int(self.answer_mask[:, 1:].sum())

    def to(self, device: torch.device) -> "PictureBatch":
        """Return the batch on another device, with the mask of answers and the numbers of pictures in main memory."""
        num_counts = len(self.pictures)
        stays = {2, *range(len(self) - num_counts, len(self))}
        return type(self)(*(one if place in stays else sent(one, device) for place, one in enumerate(self)))


@cache
def _batch_class(along: tuple[str, ...], pictures: tuple[str, ...]) -> type[PictureBatch]:
    """Return the class of batches with these inputs, so that a batch is made anew of its tensors alone."""
    return type("PictureBatch", (PictureBatch,), {"along": along, "pictures": pictures})


def pictured_batch(rows: Sequence[Pictured], pad_id: int, *, left: bool = False) -> PictureBatch:
    """Return examples as one batch, padded on the right, or on the `left` as answers are generated from."""
    shape = (len(rows), max(row.num_tokens for row in rows))
    input_ids = torch.full(shape, pad_id)
    attention_mask, answer_mask = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.bool)
    names, others = tuple(rows[0].along), tuple(rows[0].pictures)
    along = [torch.zeros(shape, dtype=torch.int64) for _ in names]
    for place, row in enumerate(rows):
        start = shape[1] - row.num_tokens if left else 0
        whole = slice(start, start + row.num_tokens)
        attention_mask[place, whole] = 1
        for name, values in zip(names, along, strict=True):
            values[place, whole] = torch.tensor(row.along[name])
        for ids, trained in row.encoded.segments:
            input_ids[place, start : start + len(ids)] = torch.tensor(ids, dtype=torch.int64)
            answer_mask[place, start : start + len(ids)] = trained
            start += len(ids)
    pictures = [row.pictures.made() if isinstance(row.pictures, MadeAnew) else row.pictures for row in rows]
    stacked = [_stacked([inputs[name] for inputs in pictures]) for name in others]
    counts = [torch.tensor([len(inputs[name]) for inputs in pictures]) for name in others]
    return _batch_class(names, others)(input_ids, attention_mask, answer_mask, *along, *stacked, *counts)


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    """Return tensors of as many dimensions as one, with zeros where one is smaller, as processors pad pictures."""
    shape = [max(sizes) for sizes in zip(*(tensor.shape for tensor in tensors), strict=True)]
    stacked = tensors[0].new_zeros((len(tensors), *shape))
    for place, tensor in enumerate(tensors):
        filled: tuple[Any, ...] = (place, *map(slice, tensor.shape))
        stacked[filled] = tensor
    return stacked


class PictureBatches(BatchesByLength[Pictured, PictureBatch]):
    """Batches of pictures and prompts with their answers."""

    def collate(self, rows: Sequence[Pictured]) -> PictureBatch:
        """Return examples as one right-padded batch."""
        return pictured_batch(rows, self._pad_id)


def make_picture_batches(
    rows: Sequence[Pictured], pad_id: int, recipe: Recipe, seed: int, *, one_pass: bool = False, split: Split = "train"
) -> PictureBatches:
    """Return batches as `make_batches` does of text, and with what it raises."""
    kept, shuffled = fitting(rows, recipe, split), recipe.data_order == "shuffled"
    left_out = len(rows) - len(kept)
    return PictureBatches(
        kept, recipe.batch_size, pad_id, seed, num_left_out=left_out, one_pass=one_pass, shuffled=shuffled
    )


def longest_picture_batches(rows: Sequence[Pictured], pad_id: int, recipe: Recipe) -> PictureBatches:
    """Return batches as `longest_batches` does of text, and with what it raises."""
    return PictureBatches(longest(rows, recipe), recipe.batch_size, pad_id, seed=0)


def check_picture_lengths(examples: Sequence[Example], tokenizer: Any, recipe: Recipe, split: Split) -> None:
    """Stop at the first example that fits into the recipe's `max_length`; raise `InputError` when none does."""
    check_fits((encode_pictured(example, tokenizer) for example in examples), recipe, split)


def encode_pictured(example: Example, tokenizer: Any) -> Pictured:
    """Return an example as training shows it, with the loss on its answer, the last one of a conversation.

    Its prompt is the very one that an answer is generated from. Raises `InputError` as `picture_question` does.
    """
    question, answer = picture_question(example, tokenizer), _answer(example, tokenizer)
    processor_class: Any = type(tokenizer.processor)
    kind_of_answer = _kind_of_answer(processor_class)
    along = {
        name: values + [kind_of_answer if name == "token_type_ids" else 0] * len(answer)
        for name, values in question.along.items()
    }
    prompt = question.encoded.segments[0].ids
    return Pictured(Encoded.of(prompt, answer), along, question.pictures)


def picture_question(example: Example, tokenizer: Any) -> Pictured:
    """Return what an answer is generated from: picture and prompt as the processor of a `PictureTokenizer` gives them.

    Raises `InputError`, naming the example, where there is no picture or it cannot be read, and where the chat template
    or the processor refuses it.
    """
    example = ended_once(example, tokenizer)
    if example.picture is None:
        raise InputError(f"{example.id}: no picture; image-text models are shown one with every question")
    picture = open_picture(PictureExample(example.id, "", example.picture), "image-text")
    if uses_template(example, tokenizer):
        text = shown(example, tokenizer).prompt
    else:
        text = tokenizer.picture_token + example.prompt
    begins = tokenizer.bos_token is not None and text.startswith(tokenizer.bos_token)
    try:
        found = tokenizer.processor(images=[picture], text=[text], return_tensors="np", add_special_tokens=not begins)
    except (ValueError, TypeError, KeyError, IndexError, RuntimeError) as error:
        raise InputError(f"{example.id}: the model's processor refuses it: {one_line(error)[:200]}") from None
    ids = found["input_ids"]
    others = {name: torch.from_numpy(value) for name, value in found.items() if name not in _OWN}
    along = {name: value[0].tolist() for name, value in others.items() if value.shape == ids.shape}
    pictures = {name: value for name, value in others.items() if name not in along}
    return Pictured(Encoded((Segment(ids[0].tolist(), False),)), along, pictures)


def _answer(example: Example, tokenizer: Any) -> list[int]:
    """Return the tokens of the answer with its end token."""
    example = ended_once(example, tokenizer)
    if not uses_template(example, tokenizer):
        return encode_answer(example, tokenizer)
    ids: list[int] = tokenizer(shown(example, tokenizer).answer, add_special_tokens=False)["input_ids"]
    return ids if ids[-1] in tokenizer.all_special_ids else [*ids, tokenizer.eos_token_id]


@cache
def _kind_of_answer(processor_class: type) -> int:
    """Return the token type of answers: 1 where a processor takes a suffix, which it tells from the prompt so.

    Models with such a processor read the prompt in both directions, and the suffix in one.
    """
    return int("suffix" in inspect.signature(processor_class.__call__).parameters)
