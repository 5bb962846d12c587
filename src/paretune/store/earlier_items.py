"""Ids and clusters of questions whose items were written by an earlier Paretune."""

import re

from paretune.spec import TaskSpec

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
