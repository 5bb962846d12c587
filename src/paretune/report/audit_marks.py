"""What a reader must know of rows whose method fails its audit."""

from collections.abc import Sequence

from paretune.analysis import Row
from paretune.methods.capabilities import marks_of
from paretune.report.decisions import capability_text
from paretune.report.format import MISSING, plain
from paretune.report.wording import shows_batch_sizes
from paretune.spec import CLAIMS, AuditMarks

AUDIT_MARK = "†"


def marked(row: Row) -> bool:
    """Tell whether a row's values come with a warning from its method's audit."""
    marks = marks_for(row)
    return marks is not None and bool(marks.warnings)


def audit_warnings(row: Row) -> list[str]:
    """Return what a reader must know of a row, a sentence each with its finding."""
    marks = marks_for(row)
    return [plain(sentence) for sentence in marks.warnings.values()] if marks else []


def audit_notes(rows: Sequence[Row]) -> list[str]:
    """Return a sentence for every method that fails a claim on which values rest, and one for the unaudited ones.

    Another says so where rows in bfloat16 differ in the batch size of generation.
    """
    notes = []
    unaudited: dict[bool, list[str]] = {True: [], False: []}
    imported = {row.method for row in rows if row.records[0].imported}
    for method, marks in {row.method: marks_for(row) for row in rows}.items():
        if marks is not None and marks.audit is None:
            unaudited[marks.answered_alone].append(method)
        elif marks is not None and marks.warnings:
            alone = " It was evaluated with batch size 1." if marks.answered_alone else ""
            source = f" Found by Paretune's {marks.audit}, not by the source." if method in imported else ""
            notes.append(f"{AUDIT_MARK} {method}: {' '.join(marks.warnings.values())}{alone}{source}")
    if unaudited[True]:
        notes.append(f"Unaudited, and therefore evaluated with batch size 1: {', '.join(unaudited[True])}.")
    if unaudited[False]:
        notes.append(f"Unaudited: {', '.join(unaudited[False])}.")
    if shows_batch_sizes([row for row in rows if row.records[0].trial.recipe.dtype == "bfloat16"]):
        notes.append(
            "Rows in bfloat16 were evaluated with different batch sizes; some answers depend on it, through rounding."
        )
    return [plain(note) for note in notes]


def audit_text(row: Row) -> str:
    """Return the claims that a row's method fails, as a few words."""
    marks = marks_for(row)
    if marks is None:
        return "not audited here" if row.records[0].imported else MISSING
    if marks.audit is None:
        return "unaudited"
    return ", ".join(map(check_name, marks.failed)) or "none"


def failed_checks(rows: Sequence[Row]) -> dict[str, str]:
    """Return what holds where a check passes, for each check that a row's method fails, by its name in words."""
    failed = {claim for row in rows if (marks := marks_for(row)) for claim in marks.failed}
    return {check_name(claim): known.statement for claim, known in CLAIMS.items() if claim in failed}


def check_name(claim: str) -> str:
    """Return a check of the audit in words: "servable by vLLM"."""
    return capability_text(claim).replace("bf16", "bfloat16")


def marks_for(row: Row) -> AuditMarks | None:
    """Return what the audit of a row's method found, or None where it has none.

    Records of our own hold it. Of imported ones it is looked up, and says nothing about how they were evaluated.
    """
    record = row.records[0]
    if record.imported is None:
        return record.audit
    found = marks_of(record.trial.method, record.trial.recipe, model_kind=record.trial.model_kind)
    return found.model_copy(update={"answered_alone": False}) if found and found.audit else None
