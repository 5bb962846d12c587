"""Comparing, recommending and judging claims: from options to words."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from paretune.analysis.capabilities import known_capabilities
from paretune.analysis.claim import judge_claim
from paretune.analysis.comparison import compare_in
from paretune.analysis.evidence import Evidence, load_evidence
from paretune.analysis.recommend import recommend_from
from paretune.analysis.requirements import Limit, known_metric, parse_limit
from paretune.analysis.rows import rows_of
from paretune.analysis.selection import choose_view
from paretune.report.decisions import claim_lines, comparison_lines, recommendation_lines
from paretune.report.estimates import estimate_line
from paretune.report.measured import MEMORY, first_measured
from paretune.spec import InputError
from paretune.spec.base import Data
from paretune.spec.memory import MemoryEstimate
from paretune.store.kept_estimates import read_estimates

_SERVERS = {"vllm": "servable_by_vllm"}


class Wishes(NamedTuple):
    """The options of `paretune recommend` as they were typed."""

    maximise: str | None
    """None for the main figure of the task."""
    weights: Sequence[str]
    limits: dict[str, tuple[str, str | None]]
    """For each option the beginning of a limit, and the amount that was given."""
    other_limits: Sequence[str]
    mergeable: bool
    servable: str | None
    capabilities: Sequence[str]
    max_memory: str | None = None
    """Bounds the memory figure of the table: training memory, or what imported results have in its place."""


def show_comparison(folder: Path, first: str, second: str, *, task: str | None, across: bool, as_json: bool) -> None:
    """Print the comparison of two methods."""
    evidence = load_evidence(folder)
    known = known_capabilities(evidence.records)
    found = compare_in(evidence, first, second, known=known, task=task, across=across)
    _show(found, comparison_lines(found), as_json=as_json)


def show_recommendation(folder: Path, wishes: Wishes, *, task: str | None, across: bool, as_json: bool) -> None:
    """Print which method to use."""
    evidence = load_evidence(folder)
    if wishes.maximise is not None:
        known_metric(wishes.maximise, "--maximise")
    found = recommend_from(
        evidence,
        limits=_limits(wishes, evidence, task),
        capabilities=_capabilities(wishes),
        weights=_weights(wishes.weights) or ({wishes.maximise: 1.0} if wishes.maximise else None),
        known=known_capabilities(evidence.records),
        task=task,
        across=across,
    )
    names = [*found.admissible, *(one.name for one in found.ruled_out)]
    estimates = [one for one in read_estimates(folder) if any(_is_about(one, name) for name in names)]
    _show(found, recommendation_lines(found), as_json=as_json, estimates=estimates)


def show_claim(folder: Path, text: str, *, task: str | None, as_json: bool) -> None:
    """Print the verdict on a claim."""
    evidence = load_evidence(folder)
    found = judge_claim(evidence, text, known=known_capabilities(evidence.records), task=task)
    _show(found, claim_lines(found), as_json=as_json)


def _is_about(estimate: MemoryEstimate, name: str) -> bool:
    """Tell whether an estimate is for a method of the results, whose name may have its learning rate behind it."""
    return name == estimate.method or name.startswith(f"{estimate.method}@")


def _show(found: Data, lines: Sequence[str], *, as_json: bool, estimates: Sequence[MemoryEstimate] = ()) -> None:
    """Print the words, or the data together with the words. Estimates come last, and under a key of their own."""
    if as_json:
        value = found.model_dump(mode="json") | {"text": list(lines)}
        if estimates:
            value["estimates"] = [json.loads(one.model_dump_json()) for one in estimates]
        print(json.dumps(value, indent=1))
    else:
        print("\n".join([*lines, *map(estimate_line, estimates)]))


def _limits(wishes: Wishes, evidence: Evidence, task: str | None) -> list[Limit]:
    given = []
    if wishes.max_memory is not None:
        memory = first_measured(choose_view(rows_of(evidence.records), task).rows, MEMORY)
        given.append(("--max-memory", f"{memory}<={wishes.max_memory}"))
    given += [(option, begin + text) for option, (begin, text) in wishes.limits.items() if text is not None]
    given += [("--limit", text) for text in wishes.other_limits]
    return [parse_limit(text, option) for option, text in given]


def _weights(texts: Sequence[str]) -> dict[str, float]:
    weights = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            weights[known_metric(name.strip(), "--weight")] = float(number)
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f'--weight: "{text}" is no weight; write for example accuracy=2') from None
    return weights


def _capabilities(wishes: Wishes) -> list[str]:
    wanted = ["mergeable"] if wishes.mergeable else []
    if wishes.servable is not None:
        if wishes.servable not in _SERVERS:
            raise InputError(f'--servable: "{wishes.servable}" is not known; there is: {", ".join(_SERVERS)}')
        wanted.append(_SERVERS[wishes.servable])
    return wanted + list(wishes.capabilities)
