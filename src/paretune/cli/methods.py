"""What methods there are, and what is known of each."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from paretune.methods import Preset, card_of, method_cards, resolve
from paretune.methods.capabilities import audit_of, audits_of, capabilities_of, recorded_audit
from paretune.report.audit_marks import check_name
from paretune.report.console.audit_table import NO, NOT_APPLICABLE, YES, verdict_mark
from paretune.report.console.folded_table import FoldedTable, MarkColumn
from paretune.report.format import plain
from paretune.spec import CAUSAL_LM, CLAIMS, MethodAudit, MethodEntry, NotApplicable

UNAUDITED = "unaudited"
_LIST_NOTE = (
    "Learning rate: the default, a starting point for models of some 100 million parameters. Audit: checks that pass "
    "on a causal language model, of those that apply. One method, with what fails: paretune methods NAME; all checks: "
    "paretune methods --audit"
)
_FIRST_CLAIM = next(iter(CLAIMS))


def show_methods(*, audit: bool, as_json: bool) -> None:
    """Print every method with its default learning rate and what it is, or with `audit` the outcome of every check."""
    cards = method_cards()
    if as_json:
        print(json.dumps([_as_json(card) for card in cards], indent=1))
    elif audit:
        Console().print(_matrix(cards), Text(_legend(), "dim"))
    else:
        Console().print(_list(cards), Text(_LIST_NOTE, "dim"))


def show_method(name: str, *, everything: bool, as_json: bool) -> None:
    """Print what is known of one method: of its audit what failed, or with `everything` the outcome of every check.

    Raises `InputError` for a name that is not known.
    """
    spec, card = resolve(MethodEntry(name=name)), card_of(name)
    if as_json:
        print(json.dumps(_as_json(card), indent=1))
        return
    audits = audits_of(spec)
    parts: list[Any] = [Text(f"{card.name}: {card.description}", "bold")]
    parts += [Text(f"{label:<13} {text}") for label, text in _facts(card) if text]
    if spec.trains and audits:
        parts += [Text(), Text("Audit", "bold"), *_summary(audits)]
        parts += [_findings(audits, everything=everything)]
        parts += [] if everything else [Text(f"All checks: paretune methods {card.name} --all", "dim")]
    elif spec.trains:
        parts += [Text(), Text(f"{UNAUDITED}: try paretune audit {card.name}", "yellow")]
    Console().print(Group(*parts))


def _list(cards: Sequence[Preset]) -> Table:
    """Return a line for each method, family by family."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Method", no_wrap=True)
    table.add_column("Learning\nrate", justify="right", no_wrap=True)
    table.add_column("Audit", justify="right", no_wrap=True)
    table.add_column("What it is")
    for family in dict.fromkeys(card.family for card in cards):
        table.add_row(Text(family, "bold"))
        for card in cards:
            if card.family == family:
                table.add_row(f"  {card.name}", _rate(card), _passed(card), Text(card.description))
    return table


def _passed(card: Preset) -> Text:
    """Return how many checks pass on a causal language model, of those that apply."""
    spec = resolve(MethodEntry(name=card.name))
    audit = audit_of(spec)
    if audit is None:
        return Text("none" if spec.trains else NOT_APPLICABLE, "dim")
    passed, tried = _counts([one.verdict.kind for one in audit.findings if one.model_kind == CAUSAL_LM])
    if not tried:
        return Text(NOT_APPLICABLE, "dim")
    return Text(f"{passed}/{tried}", "dim" if passed == tried else "red")


def _counts(verdicts: Sequence[str]) -> tuple[int, int]:
    """Return how many verdicts are passes, and how many checks applied."""
    return verdicts.count("pass"), len(verdicts) - verdicts.count("not_applicable")


def _matrix(cards: Sequence[Preset]) -> FoldedTable:
    specs = [resolve(MethodEntry(name=card.name)) for card in cards]
    known = [(spec, audit_of(spec)) for spec in specs]
    columns = [
        MarkColumn(claim.label, [_mark(claim.name, spec.trains, audit) for spec, audit in known])
        for claim in CLAIMS.values()
    ]
    return FoldedTable("Method", [card.name for card in cards], columns)


def _as_json(card: Preset) -> dict[str, Any]:
    spec = resolve(MethodEntry(name=card.name))
    audit = audit_of(spec)
    value = card.model_dump(mode="json")
    value["capabilities"] = capabilities_of(spec).model_dump(mode="json")
    value["audit"] = audit.model_dump(mode="json")["findings"] if audit else None
    return value


def _mark(claim: str, trains: bool, audit: MethodAudit | None) -> Text:
    """Return what is known of a claim. The first claim's column says where nothing is."""
    if audit is not None:
        return verdict_mark(audit.verdict(claim))
    if claim != _FIRST_CLAIM:
        return Text()
    return Text(UNAUDITED if trains else NOT_APPLICABLE, "dim")


def _rate(card: Preset) -> str:
    return f"{card.prior_learning_rate:g}" if card.prior_learning_rate is not None else ""


def _legend() -> str:
    audit = recorded_audit()
    if audit is None:
        return "There is no recorded audit; make one with: paretune audit --all --record"
    marks = f"{YES} passes, {NO} fails, {NOT_APPLICABLE} does not apply, blank: not reached"
    return f"{marks}. On a causal language model, {audit.name}. Meaning of each check: paretune methods NAME --all"


def _facts(card: Preset) -> list[tuple[str, str]]:
    paper = f"arXiv {card.arxiv}" if card.arxiv else card.paper or ""
    year = str(card.year) if card.year else ""
    rate = f"{_rate(card)} by default. {card.prior_source}" if _rate(card) else ""
    return [
        ("Family", card.family),
        ("Paper", ", ".join(part for part in (paper, year) if part)),
        ("Built by", f"{card.implementation}{f', peft type {card.peft_type}' if card.peft_type else ''}"),
        ("Parameters", json.dumps(card.parameters)[1:-1] or "the library's defaults"),
        ("Learning rate", rate),
    ]


def _summary(audits: Sequence[MethodAudit]) -> list[Text]:
    """Return how many checks pass on each kind of model, a line each."""
    lines = []
    for audit in audits:
        for kind in dict.fromkeys(finding.model_kind for finding in audit.findings):
            verdicts = [one.verdict.kind for one in audit.findings if one.model_kind == kind]
            passed, tried = _counts(verdicts)
            if not tried:
                reasons = [one.verdict.reason for one in audit.findings if isinstance(one.verdict, NotApplicable)]
                lines.append(Text(plain(f"{_where(audit, kind)}: {UNAUDITED}: {'; '.join(dict.fromkeys(reasons))}")))
                continue
            text = f"{_where(audit, kind)}: {passed} of {tried} checks pass"
            if left := len(verdicts) - tried:
                text += f", {left} {'does' if left == 1 else 'do'} not apply"
            lines.append(Text(text, "" if passed == tried else "red"))
    return lines


def _findings(audits: Sequence[MethodAudit], *, everything: bool) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("Model", "", "Check", "What it asks", "Found"):
        table.add_column(heading, no_wrap=heading in {"Model", ""})
    table.show_header = everything
    for audit in audits:
        for finding in audit.findings:
            verdict = finding.verdict
            if verdict.kind != "fail" and not everything:
                continue
            found = verdict.reason if isinstance(verdict, NotApplicable) else verdict.finding
            style = "red" if verdict.kind == "fail" else ""
            claim = CLAIMS[finding.claim]
            where = _where(audit, finding.model_kind)
            cells = (where, verdict_mark(verdict), check_name(finding.claim), claim.statement)
            table.add_row(*cells, Text(plain(found), style))
    return table


def _where(audit: MethodAudit, kind: str) -> str:
    return f"{kind}, tied" if audit.tied_embeddings else kind
