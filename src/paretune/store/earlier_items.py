"""Items that were written by an earlier Paretune: their ids, their clusters, and where their scores stand."""

import re
from typing import TYPE_CHECKING

from paretune.spec import TaskSpec

if TYPE_CHECKING:
    import pyarrow as pa

_SEEN = (
    "boxes",
    "gifts",
    "pages",
    "together",
    "returned",
    "shares",
    "broken",
    "wages",
    "ages",
    "buses",
    "found",
    "tickets",
    "shelves",
    "saving",
    "teams",
    "garden",
    "train",
    "cooking",
)
_UNSEEN = ("unpacked", "birds", "miles", "points", "class", "lamps", "change", "cousins")
"""The templates of version 1 of the word problems, which were used in turn."""
_WORD_PROBLEM = re.compile(r"(?P<part>test-seen|test-unseen|validation)-(?P<number>\d+)")


def item_id_today(task: TaskSpec, item_id: str) -> str:
    """Return the id that a question has today: those of own data began with the name of their file."""
    return re.sub(r"^.*:(?=\d+$)", "row ", item_id) if task.name == "own_data" else item_id


def earlier_cluster(task: TaskSpec, item_id: str) -> str | None:
    """Return the cluster that a question's id tells, or None where it tells none."""
    match = _WORD_PROBLEM.fullmatch(item_id)
    if (task.name, task.version) != ("word_problems", "1") or match is None:
        return None
    templates = _UNSEEN if match["part"] == "test-unseen" else _SEEN
    return templates[int(match["number"]) % len(templates)]


_COLUMNS = {
    "strict": "accuracy",
    "lenient": "accuracy_lenient",
    "published": "accuracy_published",
    "score": "similarity",
}
"""The columns that held scores before there was one for all of them, and the metric of each."""


def with_scores(table: "pa.Table") -> "pa.Table":
    """Return the items of an earlier file with the column that holds all their scores today."""
    import pyarrow as pa

    there = {metric: name for name, metric in _COLUMNS.items() if name in table.column_names}
    columns = [table.column(name).to_pylist() for name in there.values()]
    scores = [
        [(metric, float(value)) for metric, value in zip(there, row, strict=True) if value is not None]
        for row in zip(*columns, strict=True)
    ]
    return table.append_column("scores", pa.array(scores, type=pa.map_(pa.string(), pa.float64())))
