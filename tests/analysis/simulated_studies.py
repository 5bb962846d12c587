"""Made-up studies of every kind: few or many methods, seeds and questions, tuned or not, with what may go wrong."""

import numpy as np

from paretune.analysis import Evidence
from paretune.analysis.decisions.requirements import Capabilities
from paretune.analysis.statistics.simulation import simulate_answers
from paretune.spec import Imported, OutOfMemory, Record
from paretune.store.items import QuestionScores
from tests.records import make_record
from tests.studies import evidence

COSTS = ("train_peak_bytes", "step_seconds", "checkpoint_bytes", "trainable_parameters", "forgetting")


def simulated_study(number: int) -> tuple[Evidence, Capabilities]:
    """Return the study of this number, always the same, and what is known of its methods' audits."""
    rng = np.random.default_rng([20_260_000, number])
    labels = [f"m{place}" for place in range(rng.integers(2, 8))]
    num_seeds, num_questions = int(rng.choice([1, 3, 5])), int(rng.integers(20, 300))
    level, spread = rng.uniform(0.05, 0.9), float(rng.choice([0.0, 0.03, 0.15]))
    accuracies = np.clip(level + spread * rng.normal(size=len(labels)), 0.01, 0.99).tolist()
    values = simulate_answers(accuracies, num_seeds, num_questions, float(rng.choice([0.0, 0.1])), rng)
    answers = dict(zip(labels, values, strict=True))
    if rng.random() < 0.2:
        answers[labels[-1]] = answers[labels[0]].copy()
    if rng.random() < 0.6:
        answers["base"] = simulate_answers([min(0.99, level * rng.uniform(0.1, 1.1))], 1, num_questions, 0.0, rng)[0]
    found = evidence(answers, **{label: _changes(rng) for label in labels})
    records = [*found.records, *_tuning(labels, rng)]
    if rng.random() < 0.2:
        records.append(make_record("broken", outcome=OutOfMemory()))
    whole = Evidence(tuple(records), found.answers)
    if rng.random() < 0.25:
        whole = _in_clusters(whole, int(rng.integers(3, 25)))
    elif rng.random() < 0.2:
        whole = _means_only(whole)
    audits: tuple[bool | None, ...] = (True, True, True, False, None) if rng.random() < 0.5 else (True,)
    known = {label: {"audited": audits[rng.integers(len(audits))]} for label in labels}
    return whole, known | {"base": {"audited": True}}


def _changes(rng: np.random.Generator) -> dict[str, object]:
    """Return costs, which now and then are equal between methods."""
    drawn = {cost: float(rng.integers(1, 5)) for cost in COSTS}
    changes: dict[str, object] = {"metrics": make_record().metrics | drawn}
    return changes | ({"attempt": 2} if rng.random() < 0.1 else {})


def _tuning(labels: list[str], rng: np.random.Generator) -> list[Record]:
    """Return validation trials: as many for every method, or none, or more for some."""
    kind = rng.choice(["equal", "none", "unequal"], p=[0.7, 0.15, 0.15])
    counts = {label: 0 if kind == "none" else 5 if kind == "equal" else int(rng.integers(3, 6)) for label in labels}
    return [
        make_record(label, split="validation", learning_rate=10.0 ** -(2 + place))
        for label, count in counts.items()
        for place in range(count)
    ]


def _in_clusters(found: Evidence, number: int) -> Evidence:
    def scores(record: Record) -> QuestionScores | None:
        known = found.answers(record)
        if known is None:
            return None
        return QuestionScores(known, {name: f"c{place % number}" for place, name in enumerate(sorted(known))})

    return Evidence(found.records, scores)


def _means_only(found: Evidence) -> Evidence:
    imported = Imported(source="theirs", file="a.json")
    records = [record.model_copy(update={"imported": imported}) for record in found.records]
    return Evidence(tuple(records), lambda _: None)
