"""Frozen data that everything else is made of. No torch here."""

from paretune.spec.audit import (
    AUDIT_VERSION,
    CLAIMS,
    Audit,
    AuditMarks,
    Claim,
    Finding,
    MethodAudit,
    NotApplicable,
    NotPassed,
    Passed,
    Verdict,
    read_audit,
)
from paretune.spec.base import Data, content_hash
from paretune.spec.data_report import (
    DataReport,
    DroppedRows,
    ImagesReport,
    LabelReport,
    Lengths,
    RowsReport,
    ShownExample,
)
from paretune.spec.errors import InputError, InputErrors, Problems, Unavailable, Unreachable, naming, nearest, one_line
from paretune.spec.general_text import BUILT_IN_TEXT, GeneralText
from paretune.spec.image import ImageRecipe
from paretune.spec.imported import Imported
from paretune.spec.kinds import CAUSAL_LM, CLASSIFIER, DIFFUSION, IMAGE_TEXT, ModelKind
from paretune.spec.method import MethodEntry, MethodSpec
from paretune.spec.metrics import COSTS, METRICS, Direction, Metric, Phase, Unit, metric_table
from paretune.spec.planned import Candidate, PlannedStage, Search, StudyPlan
from paretune.spec.reading import Reading, by_id, relabelled
from paretune.spec.recipe import Recipe
from paretune.spec.record import (
    Cancelled,
    Diverged,
    Failed,
    GeneratorName,
    Ok,
    Outcome,
    OutOfMemory,
    PhaseReading,
    Provenance,
    Record,
    Refused,
    TimedOut,
)
from paretune.spec.sharding import Sharding
from paretune.spec.skills import Skill, SkillEntry, SkillResult
from paretune.spec.study import EMBEDDED_ENCODER, EMBEDDED_MODEL, Study
from paretune.spec.task import TaskCard, TaskEntry, TaskSpec
from paretune.spec.trial import EVERYTHING, Measure, Trial
from paretune.spec.tuning import Between, TunedValues, Tuning

__all__ = [
    "AUDIT_VERSION", "BUILT_IN_TEXT", "CAUSAL_LM", "CLAIMS", "CLASSIFIER", "COSTS", "DIFFUSION", "EMBEDDED_ENCODER",
    "EMBEDDED_MODEL", "EVERYTHING", "IMAGE_TEXT",
    "METRICS", "Audit", "AuditMarks", "Between", "Cancelled", "Candidate", "Claim", "Data", "DataReport",
    "Direction", "Diverged", "DroppedRows", "Failed", "Finding", "GeneralText", "GeneratorName", "ImageRecipe",
    "ImagesReport", "Imported", "InputError", "InputErrors", "LabelReport", "Lengths", "Measure", "MethodAudit",
    "MethodEntry", "MethodSpec", "Metric",
    "ModelKind", "NotApplicable", "NotPassed", "Ok", "OutOfMemory", "Outcome", "Passed", "Phase", "PhaseReading",
    "PlannedStage", "Problems", "Provenance", "Reading", "Recipe", "Record", "Refused", "RowsReport", "Search",
    "Sharding",
    "ShownExample", "Skill", "SkillEntry", "SkillResult", "Study", "StudyPlan", "TaskCard", "TaskEntry",
    "TaskSpec", "TimedOut", "Trial", "TunedValues",
    "Tuning", "Unavailable", "Unit", "Unreachable", "Verdict", "by_id", "content_hash", "metric_table", "naming",
    "nearest", "one_line", "read_audit", "relabelled",
]  # fmt: skip
