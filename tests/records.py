"""Made-up records with plausible figures, for tests of what is shown. No figure here was measured."""

from typing import Any

from paretune.spec import (
    MethodSpec,
    Ok,
    Outcome,
    OutOfMemory,
    Phase,
    Provenance,
    Recipe,
    Record,
    Study,
    TaskSpec,
    Trial,
)

PROVENANCE = Provenance(
    packages={"torch": "2.13.0", "peft": "0.21.2"},
    python="3.11.2",
    git_commit=None,
    platform="Linux x86_64",
    device="cpu",
    num_threads=2,
    concurrent_workers=1,
    model_note="weights are dequantised from Q4_1, not the original ones",
)

# method: accuracy, lenient, training bytes, seconds a step, checkpoint bytes, trainable numbers, forgetting
FIGURES: dict[str, tuple[float | None, ...]] = {
    "base": (0.0417, 0.1083, None, None, None, None, 0.0),
    "base-few-shot": (0.0917, 0.1417, None, None, None, None, 0.0),
    "full": (0.5833, 0.6, 2.61e9, 2.94, 5.38e8, 134515008.0, 0.1312),
    "lora": (0.4833, 0.5, 1.21e9, 2.48, 9.79e6, 2442240.0, 0.0416),
    "dora": (0.4917, 0.5, 1.46e9, 3.71, 1.02e7, 2534400.0, 0.0421),
    "oft": (0.4583, 0.4667, 1.33e9, 3.05, 7.12e6, 1774080.0, 0.0309),
    "ia3": (0.2083, 0.2583, 1.09e9, 2.21, 4.02e5, 94080.0, 0.0102),
    "vera": (0.1583, 0.2417, 1.16e9, 2.55, 1.91e5, 46080.0, 0.0054),
    "ln-tuning": (0.1917, 0.25, 1.04e9, 2.09, 1.44e5, 35136.0, 0.0088),
}
NAMES = (
    "accuracy", "accuracy_lenient", "train_peak_bytes", "step_seconds", "checkpoint_bytes", "trainable_parameters",
    "forgetting",
)  # fmt: skip


def make_record(label: str = "lora", **changes: Any) -> Record:
    """Return a record whose trial and figures may be changed: keys of `Trial`, of `Record`, or "recipe"."""
    trains = not label.startswith("base")
    trial_changes = {key: changes.pop(key) for key in list(changes) if key in Trial.model_fields}
    kind = label if label == "full" else "peft" if trains else "base"
    method = MethodSpec(name=label, label=label, implementation=kind, parameters={"r": 8} if kind == "peft" else {})
    trial = Trial.model_validate(
        {
            "base_model": "toy:llama",
            "task": TaskSpec(name="word_problems", version="1", content_hash="0123456789abcdef"),
            "method": method,
            "learning_rate": 2e-3 if trains else None,
            "seed": 0,
            "recipe": Recipe(),
        }
        | trial_changes
    )
    outcome: Outcome = changes.get("outcome", Ok())
    figures = zip(NAMES, FIGURES.get(label, FIGURES["lora"]), strict=True)
    metrics = {name: value for name, value in figures if value is not None}
    accuracy = metrics["accuracy"]
    value: dict[str, Any] = {
        "trial_id": trial.id,
        "attempt": 1,
        "trial": trial,
        "outcome": outcome,
        "started_at": "2026-01-01T00:00:00+00:00",
        "provenance": PROVENANCE,
    }
    if outcome.kind == "ok":
        value |= {
            "metrics": metrics,
            "standard_errors": {"accuracy": (accuracy * (1 - accuracy) / 120) ** 0.5, "forgetting": 0.004},
            "groups": {
                "seen": {"accuracy": min(1.0, accuracy * 1.25), "num_items": 90.0},
                "unseen": {"accuracy": accuracy * 0.25, "num_items": 30.0},
            },
            "num_items": 120,
            "trainable_dtypes": ("float32",) if trains else (),
        }
    return Record.model_validate(value | changes)


def make_records() -> list[Record]:
    """Return one record for every method, one of them out of memory."""
    out = OutOfMemory(phase=Phase.TRAIN, message="could not allocate 5.3 GB")
    return [*(make_record(label) for label in FIGURES), make_record("boft", outcome=out)]


def make_study(**changes: Any) -> Study:
    """Return the study that the made-up records belong to."""
    value = {
        "name": "made-up",
        "description": "Which method teaches two-step word problems, and at what cost?",
        "base_model": "toy:llama",
        "methods": [*FIGURES, "boft"],
    }
    return Study.read(value | changes, "made-up study")
