"""Comparing, recommending and judging claims: from options to words."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from paretune.analysis.decisions.capabilities import known_capabilities
from paretune.analysis.decisions.claim import judge_claim
from paretune.analysis.decisions.compare import compare_in
from paretune.analysis.decisions.recommendation import Recommendation
from paretune.analysis.decisions.requirements import Capabilities
from paretune.analysis.decisions.wishes import Wishes, recommend_by
from paretune.analysis.table.evidence import Evidence, load_evidence
from paretune.analysis.table.rows import rows_of
from paretune.analysis.table.selection import choose_view
from paretune.report.decisions import claim_lines, comparison_lines, recommendation_lines
from paretune.report.estimates import estimate_line
from paretune.report.format import plain
from paretune.spec import InputError
from paretune.spec.base import Data
from paretune.spec.memory import MemoryEstimate
from paretune.store import Store
from paretune.store.kept_estimates import read_estimates
from paretune.store.remote import address_of, checkpoint_url

_REPEATED = {"limits": "--limit", "weights": "--weight", "capabilities": "--capability"}


class Checkpoint(NamedTuple):
    """Where a trial's checkpoint lies, and what wrote it."""

    place: Path | str
    """A folder, or the URL of one that was not fetched."""
    implementation: str
    """Of the method: "full" saves a whole model."""
    seed: int
    loaded_by_peft: bool
    """Whether peft loads it as it is: what its own implementation saved, and what the audit has shown of others."""


def show_comparison(
    folder: Path, first: str | None, second: str | None, *, task: str | None, across: bool, as_json: bool
) -> None:
    """Print the comparison of two methods. Raises `InputError` with those that there are where fewer are named."""
    evidence = load_evidence(folder)
    if first is None or second is None:
        view = choose_view(rows_of(evidence.records), task, study=evidence.study)
        if first is None:
            raise InputError(f"compare needs two methods; there are: {', '.join(view.names.values())}")
        others = [name for name in view.names.values() if name != view.name_of(view.find(first))]
        raise InputError(f'compare needs two methods; besides "{first}" there are: {", ".join(others)}')
    known = known_capabilities(evidence.records)
    found = compare_in(evidence, first, second, known=known, task=task, across=across)
    _show(found, comparison_lines(found), as_json=as_json)


def show_recommendation(folder: Path, wishes: Wishes, *, task: str | None, across: bool, as_json: bool) -> None:
    """Print which method to use."""
    evidence = load_evidence(folder)
    known = known_capabilities(evidence.records)
    found = recommend_by(evidence, wishes, known=known, task=task, across=across, named=_option)
    names = [*found.admissible, *(one.name for one in found.ruled_out)]
    estimates = [one for one in read_estimates(folder) if any(_is_about(one, name) for name in names)]
    checkpoints = _checkpoints(folder, evidence, found, known)
    lines = [*recommendation_lines(found), *(checkpoint_line(name, one) for name, one in checkpoints.items())]
    if missing := [one.name for one in found.shortlist if one.trains and one.name not in checkpoints]:
        lacking = f"No checkpoint in {address_of(folder)}/adapters of: {', '.join(missing)}"
        lines.append(plain(f"{lacking}. Running the study into another folder trains them again."))
    _show(found, lines, as_json=as_json, estimates=estimates, checkpoints=checkpoints)


def show_claim(folder: Path, text: str, *, task: str | None, as_json: bool) -> None:
    """Print the verdict on a claim."""
    evidence = load_evidence(folder)
    found = judge_claim(evidence, text, known=known_capabilities(evidence.records), task=task)
    _show(found, claim_lines(found), as_json=as_json)


def _checkpoints(folder: Path, evidence: Evidence, found: Recommendation, known: Capabilities) -> dict[str, Checkpoint]:
    """Return the checkpoint of each method on the short list, that of its first seed, where it is there."""
    view = choose_view(rows_of(evidence.records), found.task, found.split, evidence.study)
    store = Store(folder)
    places = {}
    for candidate in found.shortlist:
        record = view.find(candidate.name).records[0]
        local = store.adapter_folder(record.trial_id, record.attempt)
        place = local if local.is_dir() else checkpoint_url(folder, local.name)
        if place is not None:
            method = record.trial.method
            by_peft = method.implementation == "peft" or known[method.label].get("reloads_with_peft") is True
            places[candidate.name] = Checkpoint(place, method.implementation, record.trial.seed, by_peft)
    return places


def checkpoint_line(name: str, checkpoint: Checkpoint) -> str:
    """Return where a checkpoint lies and how it is loaded, in a sentence."""
    place, loading = checkpoint.place, ""
    if isinstance(place, str):
        loading = "; copy it to this machine to load it"
    elif checkpoint.implementation == "full":
        loading = f'; a whole model: load it with from_pretrained("{place}")'
    elif checkpoint.loaded_by_peft:
        loading = f'; load it with PeftModel.from_pretrained(base_model, "{place}")'
    return plain(f"Checkpoint of {name}, seed {checkpoint.seed}: {place}{loading}")


def _is_about(estimate: MemoryEstimate, name: str) -> bool:
    """Tell whether an estimate is for a method of the results, whose name may have its learning rate behind it."""
    return name == estimate.method or name.startswith(f"{estimate.method}@")


def _show(
    found: Data,
    lines: Sequence[str],
    *,
    as_json: bool,
    estimates: Sequence[MemoryEstimate] = (),
    checkpoints: Mapping[str, Checkpoint] = MappingProxyType({}),
) -> None:
    """Print the words, or the data together with the words. Estimates come last, and under a key of their own."""
    if as_json:
        value = found.model_dump(mode="json") | {"text": list(lines)}
        if estimates:
            value["estimates"] = [json.loads(one.model_dump_json()) for one in estimates]
        if checkpoints:
            value["checkpoints"] = {name: str(one.place) for name, one in checkpoints.items()}
        print(json.dumps(value, indent=1))
    else:
        print("\n".join([*lines, *map(estimate_line, estimates)]))


def weights_from(texts: Sequence[str]) -> dict[str, float]:
    """Return weights that were typed as METRIC=WEIGHT. Raises `InputError` for another form."""
    weights = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            weights[name.strip()] = float(number)
        except ValueError:
            raise InputError(f'--weight: "{text}" is not a weight; write for example accuracy=2') from None
    return weights


def _option(wish: str) -> str:
    """Return the option that a wish is given by."""
    return _REPEATED.get(wish, f"--{wish.replace('_', '-')}")
