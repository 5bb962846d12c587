"""Frozen data that everything else is made of. No torch here."""

from paretune.spec.base import Data, content_hash
from paretune.spec.errors import InputError, nearest, one_line
from paretune.spec.general_text import GeneralText
from paretune.spec.imported import Imported
from paretune.spec.method import MethodEntry, MethodSpec
from paretune.spec.metrics import COSTS, METRICS, QUALITIES, Direction, Metric, Phase, Unit
from paretune.spec.planned import Candidate, PlannedStage, Search, StudyPlan
from paretune.spec.recipe import Recipe
from paretune.spec.record import (
    Cancelled,
    Diverged,
    Failed,
    Ok,
    Outcome,
    OutOfMemory,
    PhaseReading,
    Provenance,
    Record,
    TimedOut,
)
from paretune.spec.study import EMBEDDED_MODEL, Study
from paretune.spec.task import TaskCard, TaskEntry, TaskSpec
from paretune.spec.trial import EVERYTHING, Measure, Trial
from paretune.spec.tuning import Between, TunedValues, Tuning

__all__ = [
    "COSTS", "EMBEDDED_MODEL", "EVERYTHING", "METRICS", "QUALITIES", "Between", "Cancelled", "Candidate", "Data",
    "Direction", "Diverged", "Failed", "GeneralText", "Imported", "InputError", "Measure", "MethodEntry", "MethodSpec",
    "Metric", "Ok", "OutOfMemory", "Outcome", "Phase", "PhaseReading", "PlannedStage", "Provenance", "Recipe", "Record",
    "Search", "Study", "StudyPlan", "TaskCard", "TaskEntry", "TaskSpec", "TimedOut", "Trial", "TunedValues", "Tuning",
    "Unit", "content_hash", "nearest", "one_line",
]  # fmt: skip
