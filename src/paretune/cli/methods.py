"""What methods there are, and what is known of each."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from paretune.methods import Preset, card_of, method_cards, resolve
from paretune.methods.capabilities import audit_of, audits_of, capabilities_of, recorded_audit
from paretune.report.console.audit_table import NOT_APPLICABLE, verdict_mark
from paretune.report.console.folded_table import FoldedTable, MarkColumn
from paretune.report.format import plain
from paretune.spec import CLAIMS, MethodAudit, MethodEntry, NotApplicable

UNAUDITED = "unaudited"
_FIRST_CLAIM = next(iter(CLAIMS))


def show_methods(*, as_json: bool) -> None:
    """Print every method with what it is, the rate it starts from, and which claims its audit bore out."""
    cards = method_cards()
    if as_json:
        print(json.dumps([_as_json(card) for card in cards], indent=1))
        return
    specs = [resolve(MethodEntry(name=card.name)) for card in cards]
    known = [(spec, audit_of(spec)) for spec in specs]
    columns = [
        MarkColumn("Family", [Text(card.family) for card in cards]),
        MarkColumn("Prior\nrate", [Text(_rate(card)) for card in cards]),
        *(
            MarkColumn(claim.label, [_mark(claim.name, spec.trains, audit) for spec, audit in known])
            for claim in CLAIMS.values()
        ),
    ]
    Console().print(FoldedTable("Method", [card.name for card in cards], columns), Text(_legend(), "dim"))


def show_method(name: str, *, as_json: bool) -> None:
    """Print all that is known of one method. Raises `InputError` for a name that is not known."""
    spec, card = resolve(MethodEntry(name=name)), card_of(name)
    if as_json:
        print(json.dumps(_as_json(card), indent=1))
        return
    audits = audits_of(spec)
    parts: list[Any] = [Text(f"{card.name}: {card.description}", "bold")]
    parts += [Text(f"{label:<11} {text}") for label, text in _facts(card) if text]
    if spec.trains:
        parts += [
            Text(),
            _findings(audits) if audits else Text(f"{UNAUDITED}: try paretune audit {card.name}", "yellow"),
        ]
    Console().print(Group(*parts))


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
    return f"On a causal language model, {audit.name}. Meaning of each column, and values: paretune methods NAME"


def _facts(card: Preset) -> list[tuple[str, str]]:
    paper = f"arXiv {card.arxiv}" if card.arxiv else card.paper or ""
    year = str(card.year) if card.year else ""
    rate = f"{_rate(card)}. {card.prior_source}" if _rate(card) else ""
    return [
        ("Family", card.family),
        ("Paper", ", ".join(part for part in (paper, year) if part)),
        ("Built by", f"{card.implementation}{f', peft type {card.peft_type}' if card.peft_type else ''}"),
        ("Parameters", json.dumps(card.parameters)[1:-1] or "the library's defaults"),
        ("Prior rate", rate),
    ]


def _findings(audits: Sequence[MethodAudit]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("Model", "", "Claim", "Found"):
        table.add_column(heading, no_wrap=heading in {"Model", ""})
    for audit in audits:
        for finding in audit.findings:
            verdict = finding.verdict
            found = verdict.reason if isinstance(verdict, NotApplicable) else verdict.finding
            style = "red" if verdict.kind == "fail" else ""
            statement = CLAIMS[finding.claim].statement
            model = f"{finding.model_kind}, tied" if audit.tied_embeddings else finding.model_kind
            table.add_row(model, verdict_mark(verdict), statement, Text(plain(found), style))
    return table
