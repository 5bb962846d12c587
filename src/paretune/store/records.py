"""The records of a study as one list."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from paretune.spec import Record
from paretune.spec.shown import Shown


class Records(Shown, list[Record]):
    """A list of records that knows the folder they are in. `print` and notebooks show the table of results."""

    def __init__(self, records: Iterable[Record], folder: str | Path) -> None:
        super().__init__(records)
        self.folder = Path(folder)

    def __repr__(self) -> str:
        outcomes = Counter(record.outcome.kind for record in self)
        methods = len({record.trial.method.label for record in self})
        counts = "".join(f", {number} {kind}" for kind, number in outcomes.most_common())
        return f"Records({str(self.folder)!r}: {len(self)} trials of {methods} methods{counts})"
