"""Frozen data that everything else is made of. No torch here."""

from paretune.spec.audit import (
    AUDIT_VERSION,
    CLAIMS,
    Audit,
    AuditMarks,
    Claim,
    Finding,
    MethodAudit,
    ModelKind,
    NotApplicable,
    NotPassed,
    Passed,
    Verdict,
    read_audit,
)
from paretune.spec.base import Data, content_hash
from paretune.spec.errors import InputError, nearest, one_line
from paretune.spec.method import MethodEntry, MethodSpec
from paretune.spec.metrics import COSTS, METRICS, Direction, Metric, Phase, Unit
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
from paretune.spec.trial import Trial

__all__ = [
    "AUDIT_VERSION", "CLAIMS", "COSTS", "EMBEDDED_MODEL", "METRICS", "Audit", "AuditMarks", "Cancelled", "Claim",
    "Data", "Direction", "Diverged", "Failed", "Finding", "InputError", "MethodAudit", "MethodEntry", "MethodSpec",
    "Metric", "ModelKind", "NotApplicable", "NotPassed", "Ok", "OutOfMemory", "Outcome", "Passed", "Phase",
    "PhaseReading", "Provenance", "Recipe", "Record", "Study", "TaskCard", "TaskEntry", "TaskSpec", "TimedOut",
    "Trial", "Unit", "Verdict", "content_hash", "nearest", "one_line", "read_audit",
]  # fmt: skip
