"""Finding the rows that a person means."""

from collections.abc import Sequence
from typing import NamedTuple

from paretune.analysis.rows import Row
from paretune.spec import InputError, main_quality, nearest


class View(NamedTuple):
    """The rows of one task and split: those that may be compared with each other."""

    task: str
    split: str
    rows: tuple[Row, ...]

    def name_of(self, row: Row) -> str:
        """Return the row's label, with its learning rate where the view holds the label with several: "lora@0.002"."""
        alike = [one for one in self.rows if one.method == row.method]
        if len(alike) == 1 or row.learning_rate is None:
            return row.method
        named = f"{row.method}@{row.learning_rate:g}"
        twins = [one for one in alike if one.learning_rate == row.learning_rate]
        # One label and rate may stand for two things when a study was changed between two runs.
        return named if len(twins) == 1 else f"{named}#{row.trial_ids[0][:6]}"

    def find(self, name: str) -> Row:
        """Return the row of this name. Raises `InputError` when there is none, or when the label has several rates."""
        by_name = {self.name_of(row): row for row in self.rows}
        if name in by_name:
            return by_name[name]
        several = [known for known in by_name if known.partition("@")[0] == name]
        if several:
            raise InputError(f'"{name}" has several learning rates on {self.task}; name one of {", ".join(several)}')
        raise InputError(f'no method "{name}" on {self.task}{nearest(name, by_name)}; there are: {", ".join(by_name)}')


def main_figure(rows: Sequence[Row]) -> str:
    """Return the metric that the rows of a task are ranked by: the first of the qualities that any of them has."""
    return main_quality(name for row in rows for name in row.metrics)


def choose_view(rows: Sequence[Row], task: str | None = None, split: str | None = None) -> View:
    """Return the rows of a task and split: by default the only task, and the test split where it was answered.

    Raises `InputError` when there is no such task or split, or when several tasks make the choice the person's.
    """
    if not rows:
        raise InputError("no trial has left a record yet; run the study first")
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
    return View(chosen, wanted, tuple(row for row in inside if row.task == chosen))
