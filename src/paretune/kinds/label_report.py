"""What a model with a head will see of a person's own data, known before the first step."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from paretune.engine.classification import longest_text
from paretune.kinds.data_report import COUNTED, SHOWN, lengths_of
from paretune.models import pinned, tokenizer_of
from paretune.spec import DataReport, Lengths, ShownExample, Trial
from paretune.tasks import ClassificationTask, LabelledExample, Split

_SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_NO_LIMIT = 1_000_000_000


def label_report(task: ClassificationTask, trial: Trial) -> DataReport | None:
    """Return what the trial's recipe makes of the task's rows; None where the data comes with the task."""
    rows = task.rows
    if rows is None:
        return None
    tokenizer = tokenizer_of(pinned(trial.base_model, trial.base_content), writes=False)
    longest = longest_text(tokenizer, trial.recipe.max_length)
    return DataReport(
        task=task.card.name,
        rows=rows,
        base_model=trial.base_model,
        chat_template=False,
        max_new_tokens=None,
        stop=(),
        max_length=longest,
        num_references=0,
        scored_by=tuple(metric.label for metric in task.card.metrics),
        lengths={split: _lengths(task.examples(split)[:COUNTED], tokenizer, longest) for split in _SPLITS},
        shown=tuple(_shown(one, tokenizer, longest) for one in islice(task.examples("train"), SHOWN)),
    )


def _lengths(examples: Sequence[LabelledExample], tokenizer: Any, longest: int) -> Lengths:
    return lengths_of([len(_ids(one, tokenizer, _NO_LIMIT)) for one in examples], longest)


def _shown(example: LabelledExample, tokenizer: Any, longest: int) -> ShownExample:
    read = tokenizer.decode(_ids(example, tokenizer, longest))
    return ShownExample(place=example.id, parts=((read, False), (f" {example.target}", True)))


def _ids(example: LabelledExample, tokenizer: Any, longest: int) -> list[int]:
    ids: list[int] = tokenizer(example.text, example.second, truncation=True, max_length=longest)["input_ids"]
    return ids
