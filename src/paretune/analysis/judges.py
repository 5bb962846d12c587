"""Which networks compared the pictures behind values of similarity and drift."""

from collections.abc import Iterable

from paretune.spec import Record


def judge_notes(records: Iterable[Record]) -> list[str]:
    """Return a sentence for each judge that the records' tasks name; none where nothing was drawn."""
    judges = {str(name) for record in records if (name := record.trial.task.options.get("judge"))}
    return [f"Similarity and drift are cosines of features of {name}: not of another judge." for name in sorted(judges)]
