"""Made-up methods and results, for tests of the planner. No value here was measured."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from paretune.spec import (
    Cancelled,
    Diverged,
    Failed,
    MethodSpec,
    Ok,
    Outcome,
    OutOfMemory,
    Recipe,
    Record,
    TaskSpec,
    Trial,
    TunedValues,
    Tuning,
)
from paretune.tune import Cell, TaskSearch, search_task

Landscape = Callable[[Trial], float | str]
"""What a trial gives: its selection metric, or the kind of a bad outcome."""

OUTCOMES: dict[str, Outcome] = {
    "diverged": Diverged(step=1, loss=math.nan),
    "failed": Failed(error_type="E", message="broke"),
    "out_of_memory": OutOfMemory(),
    "cancelled": Cancelled(),
}


def make_cell(label: str, prior: float = 1e-3, values: Mapping[str, TunedValues] | None = None) -> Cell:
    template = Trial(
        base_model="toy:llama",
        task=TaskSpec(name="word_problems", version="1", content_hash="0"),
        method=MethodSpec(name=label, label=label, implementation="peft", parameters={"r": 8}),
        learning_rate=prior,
        seed=0,
        recipe=Recipe(),
    )
    return Cell(template, values or {}, Recipe())


def make_result(trial: Trial, outcome: float | str, choose_by: str = "validation_loss") -> Record:
    kind = outcome if isinstance(outcome, str) else "ok"
    metrics = {} if isinstance(outcome, str) else {"validation_loss": outcome, choose_by: outcome}
    return Record(
        trial_id=trial.id, attempt=1, trial=trial, outcome=OUTCOMES.get(kind, Ok()), metrics=metrics, started_at="now"
    )  # fmt: skip


def bowl(best: Mapping[str, float]) -> Landscape:
    """Return a landscape with one valley for each method, at the rate given, and divergence far above it."""

    def height(trial: Trial) -> float | str:
        assert trial.learning_rate is not None
        distance = math.log10(trial.learning_rate / best[trial.method.label])
        return "diverged" if distance > 1 else distance**2

    return height


def play(
    tuning: Tuning, cells: Sequence[Cell], landscape: Landscape, results: dict[str, Record] | None = None
) -> tuple[TaskSearch, list[list[Trial]]]:
    """Run a search to its end. Return it and the trials that had no result in each round."""
    results = {} if results is None else results
    asked: list[list[Trial]] = []
    while True:
        search = search_task(tuning, cells, results)
        pending = [trial for trials in search.rounds for trial in trials if trial.id not in results]
        if not pending:
            return search, asked
        asked.append(pending)
        results |= {trial.id: make_result(trial, landscape(trial), tuning.choose_by) for trial in pending}


outcomes: st.SearchStrategy[float | str] = st.one_of(
    st.floats(0, 9), st.sampled_from([0.5, 1.0]), st.sampled_from(["diverged", "failed", "out_of_memory"])
)


def any_landscape(data: st.DataObject) -> Landscape:
    """Return a landscape in which each trial's result is drawn when it is first asked for."""
    known: dict[str, float | str] = {}

    def draw(trial: Trial) -> float | str:
        if trial.id not in known:
            known[trial.id] = data.draw(outcomes)
        return known[trial.id]

    return draw


def tunings(**changes: Any) -> st.SearchStrategy[Tuning]:
    """Return settings of any sampler, small enough to be played often."""
    common = {
        "rates": st.sampled_from([3, 5]),
        "seeds": st.sampled_from([(0,), (0, 1)]),
        "widen_by": st.integers(1, 2),
        "max_widenings": st.integers(0, 2),
        "choose_by": st.sampled_from(["validation_loss", "accuracy"]),
    }
    grids = st.builds(Tuning, **common)
    sampled = st.builds(
        Tuning, **common, sampler=st.sampled_from(["random", "tpe"]), trials=st.integers(3, 6), ask_at_once=st.just(2)
    )
    return grids if changes.get("grid_only") else st.one_of(grids, sampled)
