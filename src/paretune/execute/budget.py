"""A study made to fit into a time: short trials are measured, then learning rates, seeds and test items are chosen."""

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from paretune.execute.data_sets import DataSets
from paretune.execute.events import Watcher
from paretune.execute.executor import Executor
from paretune.execute.local import LocalExecutor
from paretune.execute.plan import recipe_of
from paretune.execute.prepare import prepare
from paretune.execute.run import Silent
from paretune.methods import without_schedule
from paretune.spec import InputError, Metric, Phase, Recipe, Record, Study, Trial
from paretune.store import Store
from paretune.tasks import Split, task_class
from paretune.tune.budget import (
    Amounts,
    MethodSeconds,
    Size,
    TimedRecord,
    largest_size,
    like_the_slowest,
    seconds_from,
    seconds_of,
    start_seconds,
)
from paretune.tune.budget import smallest_size as smallest_size_of

_STEPS = 4
"""Optimizer steps of a short trial; the first two warm up and are not counted."""
_ITEMS = 32
"""Items that a short trial validates on and answers, where the task's options can limit them."""
_SHARE = 1 / 3
"""Share of the time after which no further method is measured: the others are taken to be as slow as the slowest."""


class Measured(NamedTuple):
    """What short trials showed."""

    methods: tuple[MethodSeconds, ...]
    """In the order of the study."""
    seconds: float
    """What measuring took."""
    num_items: int
    """Test items that there are."""
    items_option: str | None
    """The task's option that limits them; None where it has none."""
    metric: Metric
    """The main metric."""
    item_deviation: float | None
    """Standard deviation of the main metric over items, mean over the trials; None where one item cannot tell."""
    notes: tuple[str, ...] = ()
    """Which methods were not measured, and why."""

    @property
    def fewest_items(self) -> int:
        """Items that must be answered."""
        return 0 if self.items_option else self.num_items

    def size_for(self, seconds: float) -> Size | None:
        """Return the size of the study that fits into the rest of a time."""
        return largest_size(self.methods, seconds - self.seconds, self.num_items, self.fewest_items)

    @property
    def smallest_size(self) -> Size:
        """The size below which the study is not run."""
        return smallest_size_of(self.num_items, self.fewest_items)

    def fitting(self, seconds: float) -> list[str]:
        """Return the methods, in order, of which one seed each fits into the rest of a time."""
        left, found = seconds - self.seconds, list[MethodSeconds]()
        for method in self.methods:
            if seconds_of([*found, method], self.smallest_size) <= left:
                found.append(method)
        return [method.label for method in found]


def measure(
    study: Study, seconds: float, *, threads: int | None = None, skip_unavailable: bool = False,
    watcher: Watcher | None = None,
) -> Measured:  # fmt: skip
    """Run a short trial of each method of a study with one task, and return what it took.

    Raises `InputErrors` for all that has to be mended in the study, and `InputError` where no method could be measured.
    """
    clock = _Clock(watcher or Silent(), until=time.monotonic() + seconds * _SHARE)
    (entry,) = study.tasks
    bounds = task_class(entry.name, entry.version).size_options
    sizes = DataSets().sizes(entry.name, entry.options, entry.version)
    with tempfile.TemporaryDirectory(prefix="paretune-") as folder:
        store = Store(Path(folder))
        prepared = prepare(_short(study, bounds), store, skip_unavailable=skip_unavailable)
        trials = [trial for trial in prepared.stages.trials if trial.method.label not in prepared.unavailable]
        (short_sizes,) = prepared.blueprint.split_sizes.values()
        with closing(LocalExecutor(store, threads=threads, time_limit_seconds=study.time_limit_seconds)) as runs:
            timed = clock.run(trials, runs)
        found = {}
        for label, (record, _) in timed.items():
            wanted = Amounts(_steps(study, record.trial, sizes), sizes["validation"], sizes["test"])
            amounts = Amounts(_STEPS, short_sizes["validation"], record.num_items or 1)
            found[label] = seconds_from(record, start_seconds(timed.values()), amounts, wanted)
        deviation = _deviation(store)
    if not found:
        raise InputError(f"no method could be measured: {'; '.join(clock.notes) or 'there is none'}")
    known = list(found.values())
    limited = "test" in bounds and (short_sizes["test"] < sizes["test"] or sizes["test"] <= _ITEMS)
    return Measured(
        tuple(
            found.get(trial.method.label) or like_the_slowest(trial.method.label, trial.method.trains, known)
            for trial in trials
        ),
        time.monotonic() - clock.began,
        sizes["test"] if limited else clock.most_items,
        bounds["test"] if limited else None,
        clock.metric,
        deviation,
        tuple(clock.notes),
    )


def _deviation(store: Store) -> float | None:
    """Return the standard deviation of scores over items, mean over the trials that have some."""
    scores = [store.scores(record) for record in store.records() if record.outcome.kind == "ok"]
    found = [statistics.stdev(one.values()) for one in scores if one is not None and len(one) > 1]
    return statistics.fmean(found) if found else None


def sized(study: Study, size: Size, items_option: str | None, num_items: int, description: str) -> Study:
    """Return a study of a size, with what it was chosen for as its description."""
    (entry,) = study.tasks
    if items_option is not None and size.items < num_items:
        entry = entry.model_copy(update={"options": {**entry.options, items_option: size.items}})
    values = {name: getattr(study, name) for name in Study.model_fields}
    chosen = {"seeds": tuple(range(size.seeds)), "tuning": size.tuning, "tasks": (entry,), "description": description}
    return Study.read(values | chosen, "the study within the budget")


def same_apart_from_size(first: Study, second: Study) -> bool:
    """Tell whether two studies differ in nothing but what a budget chooses."""
    return _without_size(first) == _without_size(second)


def _without_size(study: Study) -> Study:
    bounds = {entry.name: task_class(entry.name, entry.version).size_options for entry in study.tasks}
    tasks = tuple(
        entry.model_copy(
            update={
                "options": {name: one for name, one in entry.options.items() if name != bounds[entry.name].get("test")}
            }
        )
        for entry in study.tasks
    )
    return study.model_copy(update={"seeds": (0,), "tuning": None, "description": "", "tasks": tasks})


def _short(study: Study, bounds: Mapping[Split, str]) -> Study:
    """Return the study with a few steps and items, each method once."""
    (entry,) = study.tasks
    limits: dict[str, Any] = {option: _ITEMS for split, option in bounds.items() if split != "train"}
    for option, most in limits.items():
        given = entry.options.get(option)
        limits[option] = min(most, given) if isinstance(given, int) else most
    changes = {"steps": _STEPS, "warmup_ratio": 0.0}
    return study.model_copy(
        update={
            "tasks": (entry.model_copy(update={"options": {**entry.options, **limits}}),),
            "methods": tuple(map(without_schedule, study.methods)),
            "recipe": study.recipe.with_changes(changes, "a short trial"),
            "learning_rates": study.learning_rates[:1],
            "seeds": (0,),
            "tuning": None,
        }
    )


def _steps(study: Study, trial: Trial, sizes: Mapping[Split, int]) -> int:
    """Return the optimizer steps of a method's trials in the study itself."""
    (entry,) = [one for one in study.methods if one.row_label == trial.method.label]
    recipe: Recipe = recipe_of(study, entry)
    return recipe.for_examples(sizes["train"]).steps


class _OutOfTime(Exception):
    """No further method is measured."""


class _Clock:
    """Runs short trials until their time is over, and keeps what they took."""

    def __init__(self, watcher: Watcher, until: float) -> None:
        self._watcher = watcher
        self._until = until
        self._ended: dict[str, TimedRecord] = {}
        self.metric: Metric
        self.began = time.monotonic()
        self.most_items = 0
        self.notes: list[str] = []

    def run(self, trials: Sequence[Trial], runs: Executor) -> dict[str, TimedRecord]:
        """Run trials one after another and return those that came to their end, by label; note why others did not.

        They run in one call, so that what starts processes is itself started once, as in the study.
        """
        with suppress(_OutOfTime):
            runs.run(trials, self, alone=True)
        for label in (trial.method.label for trial in trials):
            if label not in self._ended:
                self.notes.append(f"{label} was not measured, for lack of time")
            elif (kind := self._ended[label].record.outcome.kind) != "ok":
                self.notes.append(f"{label} could not be measured: {kind.replace('_', ' ')}")
        return {label: one for label, one in self._ended.items() if one.record.outcome.kind == "ok"}

    def started(self, trial: Trial) -> None:
        """Pass it on."""
        self._watcher.started(trial)

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        """Pass it on."""
        self._watcher.heard(trial, phase, done, total)

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        """Keep what the trial left and took, and pass it on. Raises `_OutOfTime` where no other may follow."""
        self._ended[trial.method.label], self.metric = TimedRecord(record, seconds), record.main_metric
        self.most_items = max(self.most_items, record.num_items or 0)
        self._watcher.finished(trial, record, seconds)
        if time.monotonic() > self._until:
            raise _OutOfTime
