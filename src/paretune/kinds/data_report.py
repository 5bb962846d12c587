"""What a language model will see of a person's own data, known before the first step."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby, islice
from statistics import median
from typing import Any

from paretune.engine import Encoded, answering, encode, uses_template
from paretune.engine.pictured import encode_pictured
from paretune.models import pinned, tokenizer_of
from paretune.spec import DataReport, Lengths, ShownExample, Trial
from paretune.tasks import Example, Split, Task

_SPLITS: tuple[Split, ...] = ("train", "validation", "test")
COUNTED = 2_000
"""Examples of a split whose tokens are counted: more take long and say nothing new."""
_COUNTED_PICTURES = 100
"""Likewise of examples with images, each of which goes through the model's processor."""
SHOWN = 3
_SHOWN_ALONE = 3
"""A token that stands there more often in a row, as that of an image does, is shown once, with their number."""


def data_report(task: Task, trial: Trial) -> DataReport | None:
    """Return what the trial's recipe makes of the task's rows; None where the data comes with the task."""
    if task.rows is None:
        return None
    tokenizer = tokenizer_of(pinned(trial.base_model, trial.base_content))
    encoded = partial(encode, tokenizer=tokenizer, whole_text=trial.recipe.loss_on == "whole_text")
    return _report(task, trial, tokenizer, encoded, COUNTED)


def picture_data_report(task: Task, trial: Trial) -> DataReport | None:
    """Return the same for a model that is shown an image with each question."""
    if task.rows is None:
        return None
    tokenizer = tokenizer_of(pinned(trial.base_model, trial.base_content), sees=True)
    first = encode_pictured(task.examples("train")[0], tokenizer)
    inputs = {name: tuple(values.shape) for name, values in first.pictures.items() if values.dim() > 1}
    report = _report(task, trial, tokenizer, lambda one: encode_pictured(one, tokenizer).encoded, _COUNTED_PICTURES)
    return report.model_copy(update={"image_inputs": inputs})


def _report(
    task: Task, trial: Trial, tokenizer: Any, encoded: Callable[[Example], Encoded], num_counted: int
) -> DataReport:  # fmt: skip
    """Return the report, with the tokens of `num_counted` examples of each split."""
    assert task.rows is not None
    how = answering(task, tokenizer)
    train = task.examples("train")
    judged = [not train[0].learns_prompt] * (len(task.examples("validation")) + len(task.examples("test")))
    counts = {
        split: [encoded(one).num_tokens for one in islice(task.examples(split), num_counted)] for split in _SPLITS
    }
    return DataReport(
        task=task.card.name,
        rows=task.rows,
        base_model=trial.base_model,
        chat_template=uses_template(train[0], tokenizer),
        max_new_tokens=how.max_new_tokens if task.generates else None,
        stop=how.stop,
        max_length=trial.recipe.max_length,
        num_references=sum(judged),
        scored_by=tuple(metric.label for metric in task.card.metrics),
        lengths={split: lengths_of(counts[split], trial.recipe.max_length) for split in _SPLITS},
        shown=tuple(_shown(example, encoded(example), tokenizer) for example in train[:SHOWN]),
    )


def lengths_of(counts: Sequence[int], longest: int) -> Lengths:
    """Return what is said of the numbers of tokens of examples, at least one, where `longest` tokens are shown."""
    return Lengths(
        num_counted=len(counts),
        median=round(median(counts)),
        longest=max(counts),
        num_too_long=sum(count > longest for count in counts),
    )


def _shown(example: Example, encoded: Encoded, tokenizer: Any) -> ShownExample:
    parts = tuple((_text_of(segment.ids, tokenizer), segment.trained) for segment in encoded.segments if segment.ids)
    return ShownExample(place=example.id, parts=parts)


def _text_of(ids: Sequence[int], tokenizer: Any) -> str:
    """Return tokens as text, a special token that stands there many times in a row once, with their number."""
    special, pieces, plain = set(tokenizer.all_special_ids), [], list[int]()
    for token, run in groupby(ids):
        number = len(list(run))
        if number <= _SHOWN_ALONE or token not in special:
            plain += [token] * number
            continue
        pieces += [tokenizer.decode(plain), f"{tokenizer.decode([token])} ({number} times)"]
        plain = []
    return "".join([*pieces, tokenizer.decode(plain)])
