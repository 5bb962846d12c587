"""What a language model will see of a person's own data, known before the first step."""

from collections.abc import Sequence
from itertools import islice
from statistics import median
from typing import Any

from paretune.engine import Encoded, answering, encode, uses_template
from paretune.models import pinned, tokenizer_of
from paretune.spec import DataReport, Lengths, ShownExample, Trial
from paretune.tasks import Example, Split, Task

_SPLITS: tuple[Split, ...] = ("train", "validation", "test")
COUNTED = 2_000
"""Examples of a split whose tokens are counted: more take long and say nothing new."""
SHOWN = 3


def data_report(task: Task, trial: Trial) -> DataReport | None:
    """Return what the trial's recipe makes of the task's rows; None where the data comes with the task."""
    if task.rows is None:
        return None
    tokenizer = tokenizer_of(pinned(trial.base_model, trial.base_content))
    how = answering(task, tokenizer)
    train = task.examples("train")
    judged = [not train[0].learns_prompt] * (len(task.examples("validation")) + len(task.examples("test")))
    whole_text = trial.recipe.loss_on == "whole_text"
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
        lengths={split: _lengths(task.examples(split), tokenizer, trial.recipe.max_length) for split in _SPLITS},
        shown=tuple(
            _shown(example, encode(example, tokenizer, whole_text=whole_text), tokenizer) for example in train[:SHOWN]
        ),
    )


def _lengths(examples: Sequence[Example], tokenizer: Any, max_length: int) -> Lengths:
    return lengths_of([encode(example, tokenizer).num_tokens for example in islice(examples, COUNTED)], max_length)


def lengths_of(counts: Sequence[int], longest: int) -> Lengths:
    """Return what is said of the numbers of tokens of examples, at least one, where `longest` tokens are shown."""
    return Lengths(
        num_counted=len(counts),
        median=round(median(counts)),
        longest=max(counts),
        num_too_long=sum(count > longest for count in counts),
    )


def _shown(example: Example, encoded: Encoded, tokenizer: Any) -> ShownExample:
    parts = tuple((tokenizer.decode(segment.ids), segment.trained) for segment in encoded.segments if segment.ids)
    return ShownExample(place=example.id, parts=parts)
