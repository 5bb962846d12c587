"""General skills skill by skill: what rows could do before training, and after."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple

from paretune.analysis import Row
from paretune.report.format import percent, plain
from paretune.spec import SkillResult


class SkillMean(NamedTuple):
    """One skill of a row, over its seeds."""

    name: str
    before: float
    """Share of right answers of the base model."""
    after: float
    """The same of the trained model, mean over seeds."""
    lost: float
    """In points."""
    standard_error: float
    """Over questions, in points, mean over seeds: they share the questions."""

    @property
    def shares(self) -> str:
        """Both shares in words: "62.0% before, 58.0% after"."""
        return f"{percent(self.before)} before, {percent(self.after)} after"


def skills_of(row: Row) -> dict[str, SkillMean]:
    """Return the skills of a row by name; none where none were asked."""
    found: dict[str, list[SkillResult]] = {}
    for record in row.records:
        for skill in record.skills:
            found.setdefault(skill.name, []).append(skill)
    return {name: _mean(name, results) for name, results in found.items()}


def skills_json(row: Row) -> dict[str, Any]:
    """Return the skills of a row as plain JSON values; nothing where none were asked."""
    found = [one._asdict() for one in skills_of(row).values()]
    return {"skills": found} if found else {}


def skills_note(rows: Sequence[Row]) -> str:
    """Return which skills the column is about, and what its values are; empty where none were asked."""
    asked: dict[str, set[tuple[str, int]]] = {}
    for row in rows:
        for skill in (skill for record in row.records for skill in record.skills):
            asked.setdefault(skill.name, set()).add((skill.metric.lower(), len(skill.changes)))
    if not asked:
        return ""
    named = [f"{name} ({number} questions, {what})" for name, kinds in asked.items() for what, number in sorted(kinds)]
    return plain(
        f"Skills lost: points that the share of right answers fell from the base model to the trained one, mean over "
        f"all questions of {', '.join(named)}, ± its standard error over questions; negative: it rose."
    )


def _mean(name: str, results: Sequence[SkillResult]) -> SkillMean:
    return SkillMean(
        name,
        before=fmean(one.before for one in results),
        after=fmean(one.after for one in results),
        lost=fmean(one.lost for one in results),
        standard_error=fmean(one.standard_error for one in results),
    )
