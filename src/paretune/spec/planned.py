"""The plan of a study as it is kept next to its records: which trial serves which purpose."""

from typing import Any

from paretune.spec.base import Data, later
from paretune.spec.metrics import METRICS, Metric
from paretune.spec.tuning import VALIDATION_LOSS, Tuning


class Candidate(Data):
    """One setting that a method tries."""

    learning_rate: float
    parameters: dict[str, Any] = {}
    """Values of the parameters that are tuned with the rate."""
    trial_ids: tuple[str, ...] = ()
    """The tuning trials, one for each of the tuning seeds; none where it is not trained to the end."""
    early_trial_ids: tuple[tuple[str, ...], ...] = later(())
    """With halving: the trials that end early, one for each of the tuning seeds, for each point that it reached."""

    @property
    def all_trial_ids(self) -> tuple[str, ...]:
        """All its tuning trials, those that end early first."""
        return tuple(trial_id for ids in (*self.early_trial_ids, self.trial_ids) for trial_id in ids)


class Search(Data):
    """All settings that one method tries on one task."""

    task: str
    """Content hash of the task."""
    method: str
    """The method's label."""
    prior: float
    """The rate in the middle."""
    low: int
    """The lower end of the rates, in steps from the prior; there are `per_decade` steps to a power of ten."""
    high: int
    """The upper end, likewise."""
    candidates: tuple[Candidate, ...] = ()
    """In the order in which they were proposed."""


class PlannedStage(Data):
    """Trials that run before the next stage can be planned."""

    name: str
    trial_ids: tuple[str, ...]


class StudyPlan(Data):
    """What a tuned study has planned so far. Every run makes it anew from the study and its records."""

    tuning: Tuning
    chosen_by: Metric | None = later(None)
    """What settings are chosen by, where it is a metric that only the tasks know."""
    searches: tuple[Search, ...]
    """For each task, one search for each method that trains."""
    stages: tuple[PlannedStage, ...]

    @property
    def metric(self) -> Metric:
        """What settings are chosen by."""
        return self.chosen_by or METRICS.get(self.tuning.choose_by) or METRICS[VALIDATION_LOSS]

    @property
    def trial_ids(self) -> frozenset[str]:
        """The trials of all stages."""
        return frozenset(trial_id for stage in self.stages for trial_id in stage.trial_ids)
