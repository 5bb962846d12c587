"""No two statements about one study contradict each other: ranks, ties, compare, claim, recommend, fronts, notes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paretune.analysis.decisions.capabilities import known_capabilities
from paretune.analysis.table.evidence import load_evidence
from paretune.interop.importers import import_peft_comparison
from tests.analysis.contradictions import Said, contradictions, everything_said, few_draws
from tests.analysis.simulated_studies import simulated_study
from tests.outside import PUBLISHED, needs_published

KEPT = Path(__file__).parents[2] / "docs" / "examples"
NUM_STUDIES = 40
"""`python -m benchmarks.contradictions` goes through 500."""


@pytest.fixture(autouse=True, scope="module")
def _few_draws() -> Iterator[None]:
    with few_draws():
        yield


@pytest.fixture(scope="module")
def said() -> list[Said]:
    """Everything that is said about simulated studies."""
    return [everything_said(*simulated_study(number)) for number in range(NUM_STUDIES)]


def test_no_statement_contradicts_another(said: list[Said]) -> None:
    assert {number: found for number, one in enumerate(said) if (found := contradictions(one))} == {}


def test_the_studies_are_of_every_kind(said: list[Said]) -> None:
    verdicts = {found.verdict for one in said for found in one.comparisons.values()}
    assert verdicts == {"better", "worse", "ahead", "behind", "undecided"}
    assert {found.verdict for one in said for found in one.claims.values()} == {"supported", "refuted", "undecided"}
    assert any(one.recommendation.ruled_out for one in said)
    assert any(one.recommendation.no_claim_because for one in said)
    assert any(not one.recommendation.no_claim_because for one in said)


def test_what_contradicts_is_found(said: list[Said]) -> None:
    undecided = next(one for one in said if any(found.verdict == "undecided" for found in one.comparisons.values()))
    pair = next(pair for pair, found in undecided.comparisons.items() if found.verdict == "undecided")
    lie = undecided.comparisons[pair].model_copy(update={"verdict": "worse", "no_claim_because": ""})
    found = " ".join(contradictions(replace(undecided, comparisons={**undecided.comparisons, pair: lie})))
    for words in ("and turned round: undecided", ": ranks ", "claim says undecided"):
        assert words in found


@pytest.mark.parametrize("folder", sorted(path.parent for path in KEPT.glob("*/records")), ids=lambda path: path.name)
def test_no_statement_about_a_kept_study_contradicts_another(folder: Path) -> None:
    evidence = load_evidence(folder)
    known = known_capabilities(evidence.records)
    many = len({record.trial.method.label for record in evidence.records}) > 20
    assert contradictions(everything_said(evidence, known, claims_of_every=97 if many else 1)) == []


@needs_published
def test_no_statement_about_imported_studies_contradicts_another(tmp_path: Path) -> None:
    for done in import_peft_comparison(PUBLISHED, tmp_path):
        evidence = load_evidence(done.folder)
        known = known_capabilities(evidence.records)
        assert contradictions(everything_said(evidence, known, claims_of_every=97)) == []
