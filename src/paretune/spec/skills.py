"""General skills: questions of other tasks, asked of the base model and of the trained one, to see what was lost."""

import math
from statistics import fmean, stdev
from typing import Any, Self

from pydantic import Field

from paretune.spec.base import Data
from paretune.spec.metrics import Metric
from paretune.spec.task import TaskEntry, TaskSpec

POINTS = 100.0
"""Percentage points in a whole."""


class SkillEntry(TaskEntry):
    """A task as a study names it among its general skills."""

    num_questions: int = Field(default=100, ge=2)
    """Test questions that are asked, evenly spread over the split; all of a split that has fewer."""


class Skill(Data):
    """A general skill as a trial holds it."""

    task: TaskSpec
    """The task. Its content hash is over the questions that are asked, and its only metric is the main one."""
    num_questions: int = Field(ge=2)
    """Questions that are asked."""

    @property
    def metric(self) -> Metric:
        """The share of right answers by which the skill is judged."""
        return self.task.metrics[0]

    @property
    def identified(self) -> dict[str, Any]:
        """What makes two skills the same, wherever their data lies, as plain JSON."""
        task = self.task.as_identified.model_dump(mode="json", exclude=self.task.unidentifying)
        return {"task": task, "num_questions": self.num_questions}


class SkillResult(Data):
    """What a trial's method made of one general skill."""

    name: str
    """The task's name, with the beginning of its hash where the study asks two tasks of that name."""
    metric: str
    """What is compared, by its label: "Accuracy"."""
    before: float
    """The untouched base model's share."""
    after: float
    """The trained model's share."""
    lost: float
    """How much lower that is, in points; negative where it rose."""
    standard_error: float
    """Of `lost`, over the questions, each compared before and after."""
    changes: tuple[float, ...]
    """The same question by question, in points, always of the same questions in the same order."""

    @classmethod
    def of(cls, name: str, metric: Metric, before: list[float], after: list[float]) -> Self:
        """Return the result from the values of each question, of which there are two or more."""
        changes = [POINTS * metric.sign * (one - other) for one, other in zip(before, after, strict=True)]
        return cls(
            name=name,
            metric=metric.label,
            before=fmean(before),
            after=fmean(after),
            lost=fmean(changes),
            standard_error=stdev(changes) / math.sqrt(len(changes)),
            changes=tuple(changes),
        )
