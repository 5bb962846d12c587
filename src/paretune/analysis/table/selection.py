"""Finding the rows that a person means."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from paretune.analysis.table.rows import Row
from paretune.analysis.table.scored import declared_metrics, main_metric
from paretune.spec import METRICS, InputError, Metric, Study, metric_table, nearest
from paretune.spec.metrics import earlier_metrics

MEMORY = ("train_peak_bytes", "run_peak_reserved_bytes", "train_peak_reserved_bytes")
"""Training memory, and what imported results have in its place."""


@dataclass(frozen=True)
class View:
    """The rows of one task and split: those that may be compared with each other."""

    task: str
    split: str
    rows: tuple[Row, ...]
    study: Study | None = None
    """What was asked for, where it is known."""

    @cached_property
    def names(self) -> dict[tuple[str, ...], str]:
        """The name of each row by its trials: its label, with the learning rate where the label has several."""
        labels = Counter(row.method for row in self.rows)
        named = Counter((row.method, row.learning_rate) for row in self.rows)
        return {row.trial_ids: _name(row, labels, named) for row in self.rows}

    @cached_property
    def num_settings(self) -> Counter[str]:
        """How many rows each method's label has: settings that answered this split."""
        return Counter(row.method for row in self.rows)

    @cached_property
    def main_metric(self) -> Metric:
        """The metric that the rows are ranked by."""
        return main_metric(self.rows)

    @cached_property
    def table(self) -> Mapping[str, Metric]:
        """Every metric by name that the rows may have a value of."""
        return metric_table(declared_metrics(self.rows))

    @property
    def unusual_metrics(self) -> tuple[Metric, ...]:
        """What the task scores, the main metric first; empty where that follows from the names of what is measured."""
        declared = declared_metrics(self.rows)
        usual = earlier_metrics(metric.name for metric in declared)
        follows = declared[:1] == usual[:1] and all(METRICS.get(metric.name) == metric for metric in declared)
        return () if follows else declared

    def name_of(self, row: Row) -> str:
        """Return the row's label, with its learning rate where the view holds the label with several: "lora@0.002"."""
        return self.names[row.trial_ids]

    def only(self, rows: Sequence[Row]) -> "View":
        """Return the view of some of its rows."""
        return replace(self, rows=tuple(rows))

    def find(self, name: str) -> Row:
        """Return the row of this name, in capitals or not.

        Raises `InputError` when there is none, or when the label has several rates.
        """
        by_name = {self.names[row.trial_ids]: row for row in self.rows}
        if name in by_name:
            return by_name[name]
        alike = [row for known, row in by_name.items() if known.casefold() == name.casefold()]
        if len(alike) == 1:
            return alike[0]
        several = [known for known in by_name if known.partition("@")[0] == name]
        if several:
            raise InputError(f'"{name}" has several learning rates on {self.task}; name one of {", ".join(several)}')
        raise InputError(f'no method "{name}" on {self.task}{nearest(name, by_name)}; there are: {", ".join(by_name)}')


def _name(row: Row, labels: Counter[str], named: Counter[tuple[str, float | None]]) -> str:
    if labels[row.method] == 1 or row.learning_rate is None:
        return row.method
    name = f"{row.method}@{row.learning_rate:g}"
    # One label and rate may stand for two things when a study was changed between two runs.
    return name if named[row.method, row.learning_rate] == 1 else f"{name}#{row.trial_ids[0][:6]}"


def first_measured(rows: Iterable[Row], names: Sequence[str]) -> str:
    """Return the first of these metrics that any row has a value for; the first of all where none has any."""
    found = {name for row in rows for name in row.metrics}
    return next((name for name in names if name in found), names[0])


def choose_view(
    rows: Sequence[Row], task: str | None = None, split: str | None = None, study: Study | None = None
) -> View:
    """Return the rows of a task and split: by default the only task, and the test split where it was answered.

    Raises `InputError` when there is no such task or split, or when several tasks make the choice the person's.
    """
    if not rows:
        raise InputError("no trial has finished yet; run the study first")
    splits = {row.split for row in rows}
    wanted = split or ("test" if "test" in splits else "validation")
    if wanted not in splits:
        raise InputError(f"no trial answered the {wanted} split; there are: {', '.join(sorted(splits))}")
    inside = [row for row in rows if row.split == wanted]
    tasks = list(dict.fromkeys(sorted(row.task for row in inside)))
    if task is None and len(tasks) > 1:
        raise InputError(f"the records hold several tasks; name one with --task: {', '.join(tasks)}")
    chosen = task or tasks[0]
    if chosen not in tasks:
        raise InputError(f'no task "{chosen}"{nearest(chosen, tasks)}; there are: {", ".join(tasks)}')
    return View(chosen, wanted, tuple(row for row in inside if row.task == chosen), study)
