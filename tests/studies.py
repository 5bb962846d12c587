"""Folders of made-up studies whose answers, and so whose right conclusions, are known."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from paretune.analysis import Evidence
from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.statistics.simulation import simulate_answers
from paretune.spec import Record
from paretune.store import Item, Store
from tests.records import make_record, make_study


def evidence(answers: Mapping[str, FloatArray], **changes: Mapping[str, Any]) -> Evidence:
    """Return evidence of methods by label, each with answers 1 or 0 of shape (seeds, questions).

    A keyword is a label, with dashes as underscores, and holds what `make_record` shall change of its records.
    """
    records, scores = [], {}
    for label, by_seed in answers.items():
        for seed, right in enumerate(by_seed):
            made = make_record(label, seed=seed, **changes.get(label.replace("-", "_"), {}))
            if made.outcome.kind == "ok":
                metrics = made.metrics | {"accuracy": float(right.mean())}
                made = made.model_copy(update={"metrics": metrics, "num_items": len(right)})
            records.append(made)
            scores[made.trial_id] = {f"q{place:05}": float(one) for place, one in enumerate(right)}
    return Evidence(tuple(records), lambda record: scores.get(record.trial_id))


def drawn_answers(
    accuracies: Mapping[str, float], num_seeds: int = 3, num_questions: int = 300, seed_spread: float = 0.03
) -> dict[str, FloatArray]:
    """Return answers by label, drawn once and for all from true accuracies."""
    rng = np.random.default_rng(7)
    values = simulate_answers(list(accuracies.values()), num_seeds, num_questions, seed_spread, rng)
    return dict(zip(accuracies, values, strict=True))


def write_study(folder: Path, found: Evidence, extra: Sequence[Record] = ()) -> Path:
    """Write evidence into a study's folder and return it; `extra` are records without answers."""
    store = Store(folder)
    labels = dict.fromkeys(record.trial.method.label for record in (*found.records, *extra))
    with store.open_for_study(make_study(methods=[*labels])):
        for record in found.records:
            items = [
                Item(name, "all", {"accuracy": right, "accuracy_lenient": right}, "", "")
                for name, right in (found.answers(record) or {}).items()
            ]
            store.append(record, items if record.num_items is not None else None)
        for record in extra:
            store.append(record, None)
    return folder
