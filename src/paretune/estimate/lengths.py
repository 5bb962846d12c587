"""How long the longest batch is: as asked for, or as it is in a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from paretune.engine import longest_batches
from paretune.estimate.settings import DEFAULT_SEQUENCE_LENGTH, EstimateSettings
from paretune.estimate.workload import padded_lengths, shown_for
from paretune.kinds import Lengths
from paretune.models import ModelShape
from paretune.spec import InputError, Recipe
from paretune.tasks import get_task
from paretune.tasks.base import Split

_NO_LIMIT = 1 << 30
_SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class LongestBatch(NamedTuple):
    """What the longest batch is made of."""

    lengths: Sequence[Lengths]
    """Of each example, those of its picture included."""
    shown: Any = None
    """A picture as the model is shown it, see `shown_for`; None where there are none."""


def longest_batch(shape: ModelShape, settings: EstimateSettings) -> LongestBatch:
    """Return the tokens of each example of the longest batch, and the picture of each.

    Raises `InputError` when they are more than the model takes, when a picture alone takes as many as are asked for,
    and when the data, a tokenizer for it or a processor cannot be read.
    """
    shown = shown_for(shape, settings)
    return LongestBatch(_lengths(shape, settings, 0 if shown is None else shown.num_question_tokens), shown)


def _lengths(shape: ModelShape, settings: EstimateSettings, of_picture: int) -> Sequence[Lengths]:
    batch_size = settings.recipe.batch_size
    if settings.data is not None:
        if of_picture:
            raise InputError(
                f'data {settings.data}: not with the model "{shape.name}", which reads pictures; give a sequence length'
            )
        return _from_file(shape, settings.data, batch_size)
    sequence_length = settings.sequence_length or min(
        DEFAULT_SEQUENCE_LENGTH + of_picture, shape.max_length or _NO_LIMIT
    )
    if sequence_length <= of_picture:
        raise InputError(
            f'sequence_length {sequence_length}: to the model "{shape.name}" an image of {settings.resolution} x '
            f"{settings.resolution} pixels with the shortest question is {of_picture} tokens; give more, or a smaller "
            "resolution"
        )
    if shape.max_length is not None and sequence_length > shape.max_length:
        raise InputError(
            f'sequence_length {sequence_length} is more than the model "{shape.name}" takes ({shape.max_length} tokens)'
        )
    return padded_lengths(batch_size, sequence_length)


def _from_file(shape: ModelShape, path: Path, batch_size: int) -> Sequence[Lengths]:
    """Return the lengths of the longest examples of all the file, whichever of them a study would train on."""
    task = get_task("own_data", {"path": str(path)})
    examples = [example for split in _SPLITS for example in task.examples(split)]
    limit = shape.max_length or _NO_LIMIT
    tokenizer = _tokenizer(shape)
    try:
        batches = longest_batches(examples, tokenizer, Recipe(batch_size=batch_size, max_length=limit))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    batch = next(iter(batches))
    answers = batch.answer_mask.sum(dim=1).tolist()
    tokens = batch.attention_mask.sum(dim=1).tolist()
    lengths = [Lengths(whole - answer, answer) for whole, answer in zip(tokens, answers, strict=True)]
    missing = batch_size - len(lengths)  # fewer examples than a batch takes: the longest stands in for the rest
    return [*lengths, *[max(lengths, key=sum)] * missing]


def _tokenizer(shape: ModelShape) -> Any:
    from transformers import AutoTokenizer

    if shape.tokenizer is not None:
        return shape.tokenizer
    try:
        if shape.folder is None:
            raise OSError("there is no folder with a tokenizer")
        tokenizer = AutoTokenizer.from_pretrained(str(shape.folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f'model "{shape.name}": its tokenizer is not here, so the data cannot be counted in tokens; give the '
            "folder of a whole model, or a sequence length"
        ) from None
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer
