"""One trial through the real path of a worker, on a model and data that take a second."""

import json
from pathlib import Path
from typing import Any

from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.execute.trial import run_trial
from paretune.spec import Phase, Record, Study, Trial

NUM_EXAMPLES = 24


class Silent:
    """A listener that says nothing."""

    def phase(self, phase: Phase) -> None:
        """Ignore it."""

    def progress(self, done: int, total: int, loss: float | None = None) -> None:
        """Ignore it."""


def small_study(folder: Path, method: Any, **recipe: Any) -> Study:
    """Return a study of one method on short sums, which are written into a file of `folder`."""
    data = folder / "sums.jsonl"
    rows = [{"prompt": f"{n} + {n % 5} =", "completion": f" {n + n % 5}"} for n in range(NUM_EXAMPLES)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    value = {
        "name": "small",
        "base_model": "toy:llama",
        "tasks": [{"name": "own_data", "options": {"path": str(data), "max_new_tokens": 3}}],
        "methods": [method],
        "learning_rates": [1e-2],
        "recipe": {"steps": 3, "batch_size": 4, "warmup_ratio": 0.0, "memory_steps": 1, **recipe},
    }
    return Study.read(value, "small study")


def run_one(study: Study, checkpoint: Path) -> tuple[Trial, Record]:
    """Check and run the study's one trial, and return it with its record."""
    (trial,) = plan(study)
    check_trials([trial])
    finished = run_trial(trial, checkpoint, attempt=1, concurrent_workers=1, listener=Silent())
    return trial, finished.record
