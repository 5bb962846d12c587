"""An audit in a terminal: a row for a method, a column for a claim, and every failure with its value."""

from typing import Any

from rich.console import Group
from rich.text import Text

from paretune.report.console.folded_table import FoldedTable, MarkColumn
from paretune.report.format import count, plain
from paretune.spec import (
    CAUSAL_LM,
    CLAIMS,
    CLASSIFIER,
    DIFFUSION,
    IMAGE_TEXT,
    Audit,
    MethodAudit,
    ModelKind,
    NotPassed,
    Passed,
    Verdict,
)

YES, NO, NOT_APPLICABLE = "✓", "✗", "–"
_SHARES = {"trains", "all_parameters_move", "trains_in_bf16", "compact", "convertible_to_lora"}
"""Claims whose value is a share."""
_HEADINGS: dict[ModelKind, str] = {CLASSIFIER: "Class-\nifier", DIFFUSION: "Diff-\nusion", IMAGE_TEXT: "Image-\ntext"}
"""Of the columns of kinds that are shown as a whole, with a break where a narrow column needs one."""


def audit_summary(audit: Audit) -> Group:
    """Return the table for a rich console, and below it every claim that does not hold with its finding."""
    columns = []
    if CAUSAL_LM in audit.base_models:
        columns += [
            MarkColumn(claim.label, [_cell(claim.name, method.verdict(claim.name)) for method in audit.methods])
            for claim in CLAIMS.values()
        ]
    columns += [
        MarkColumn(_HEADINGS.get(kind, kind), [_summary(method, kind) for method in audit.methods])
        for kind in audit.base_models
        if kind != CAUSAL_LM
    ]
    names = [plain(method.label) for method in audit.methods]
    parts: list[Any] = [FoldedTable("Method", names, columns)]
    parts += [failure for method in audit.methods if (failure := _failures(method))]
    legend = f"{YES} passes; a value or {NO}: fails; {NOT_APPLICABLE} does not apply; blank: not reached"
    parts.append(Text(f"{legend}. {audit.name}", "dim"))
    return Group(*parts)


def verdict_mark(verdict: Verdict | None) -> Text:
    """Return a verdict as one sign, and nothing for a claim that was not reached."""
    if verdict is None:
        return Text()
    if verdict.kind == "fail":
        return Text(NO, "red")
    return Text(YES if verdict.kind == "pass" else NOT_APPLICABLE, "dim")


def _cell(claim: str, verdict: Verdict | None) -> Text:
    """Return the sign of a verdict, or the value where a claim does not hold; both where the value is of interest."""
    if isinstance(verdict, Passed) and CLAIMS[claim].shows_value and verdict.figure is not None:
        return Text(f"{YES} {_value(claim, verdict.figure)}", "dim")
    if not isinstance(verdict, NotPassed):
        return verdict_mark(verdict)
    if verdict.figure is None:
        return Text("error" if verdict.error_type else NO, "red")
    return Text(_value(claim, verdict.figure), "red")


def _value(claim: str, value: float) -> str:
    if claim in _SHARES:
        return f"{value:.0%}"
    return count(value) if value >= 1000 else f"{value:.1g}"


def _summary(method: MethodAudit, kind: ModelKind) -> Text:
    """Return how many claims hold on a kind of model, of those that could be tried."""
    tried = [finding.verdict for finding in method.findings if finding.model_kind == kind]
    counted = [verdict for verdict in tried if verdict.kind != "not_applicable"]
    held = sum(verdict.kind == "pass" for verdict in counted)
    if not counted:
        return Text(NOT_APPLICABLE, "dim")
    if held == 0:
        return Text(NO, "red")
    return Text(f"{held}/{len(counted)}", "dim" if held == len(counted) else "red")


def _failures(method: MethodAudit) -> Text:
    text = Text()
    for finding in method.findings:
        if isinstance(finding.verdict, NotPassed):
            where = "" if finding.model_kind == CAUSAL_LM else f" ({finding.model_kind})"
            text.append(plain(method.label), "bold")
            text.append(f" {finding.claim}{where}: {plain(finding.verdict.finding)}\n")
    text.rstrip()
    return text
