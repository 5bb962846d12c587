"""What a study took: the seconds of its trials, by stage and by what they were spent on."""

from collections.abc import Iterable
from typing import NamedTuple

from paretune.spec import Phase, Record

_SPENT_ON = {
    Phase.LOAD: "model loading",
    Phase.RELOAD: "model loading",
    Phase.PREPARE: "attaching methods",
    Phase.MEASURE: "memory measurement",
    Phase.TRAIN: "training",
    Phase.VALIDATE: "validation",
    Phase.SAVE: "saving checkpoints",
    Phase.TEST: "test evaluation",
    Phase.RETAIN: "evaluation of forgetting",
}
_DRIFT = "evaluation of drift"
"""What the phase RETAIN of a diffusion model is spent on."""


class StudyCost(NamedTuple):
    """Seconds of all trials together; those that ran side by side count each."""

    num_trials: int
    seconds: float
    by_stage: dict[str, float]
    """Seconds of tuning and of final trials, those that have any."""
    by_purpose: dict[str, float]
    """Seconds by what they were spent on, the most first."""


def study_cost(records: Iterable[Record]) -> StudyCost | None:
    """Return what these trials took, with any outcome; None where no record says it, as in imported ones.

    Counted are the phases of a trial. The start of its process is not.
    """
    timed = [record for record in records if record.phases]
    if not timed:
        return None
    stages: dict[str, float] = {}
    purposes: dict[str, float] = {}
    for record in timed:
        stage = "tuning" if record.trial.tunes else "final trials"
        for reading in record.phases:
            stages[stage] = stages.get(stage, 0.0) + reading.seconds
            drift = reading.phase is Phase.RETAIN and bool(record.drifts)
            purpose = _DRIFT if drift else _SPENT_ON[reading.phase]
            purposes[purpose] = purposes.get(purpose, 0.0) + reading.seconds
    most_first = dict(sorted(purposes.items(), key=lambda one: -one[1]))
    return StudyCost(len(timed), sum(stages.values()), stages, most_first)
