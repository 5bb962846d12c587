"""One row for each task, method and learning rate, over its seeds."""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from paretune.analysis.statistics.intervals import Interval, wilson
from paretune.analysis.statistics.pareto import pareto_front
from paretune.analysis.statistics.ranks import Standing
from paretune.analysis.table.comparable import same_conditions
from paretune.analysis.table.floor import Floor, below_floor
from paretune.spec import COSTS, METRICS, Direction, Metric, Outcome, Record, TaskSpec

_LONGEST_VALUE = 24
"""Characters of an option's value that is named with a task."""


class Row(NamedTuple):
    """What the seeds of one method at one learning rate say together."""

    task: str
    """Name of the task, with its options where the records hold one task under several options."""
    split: str
    """The questions that were answered: "test" or "validation"."""
    method: str
    """The method's label."""
    learning_rate: float | None
    records: tuple[Record, ...]
    """The records behind the row, by seed."""
    metrics: dict[str, float]
    """Mean of each value over the seeds that ended well; over those that measured it where none did."""
    spreads: dict[str, float]
    """Standard deviation of each value between seeds (n - 1), where two seeds or more measured it."""
    standard_errors: dict[str, float]
    """Standard errors over questions or texts, mean over seeds: seeds share them, so they do not shrink with seeds."""
    groups: dict[str, dict[str, float]]
    """Mean over seeds of the values of groups of the questions."""
    quality_interval: Interval | None
    """95 % interval of the main metric: over questions and seeds after `judged_rows`; before that a share's, by
    Wilson, over the questions of one seed, since seeds ask the same questions again."""
    fronts: frozenset[str]
    """Costs on whose Pareto front against the main metric the row lies, among the rows of its task."""
    standing: Standing | None = None
    """How sure the row's place among the others is; None before `judged_rows` and where a seed did not end well."""
    below_floor: bool = False
    """Whether it is left out of the fronts: by default what is not above the base model (see `below_floor`)."""
    num_tried: int = 0
    """Learning rates and parameters of the method that were tried on validation data of the row's task."""

    @property
    def trial_ids(self) -> tuple[str, ...]:
        """The trials behind the row, by seed."""
        return tuple(record.trial_id for record in self.records)

    @property
    def identity(self) -> tuple[str, float, str, str]:
        """What tells the row from the others of its task and split; its order is that of labels, then rates."""
        trial = self.records[0].trial
        return self.method, self.learning_rate or 0.0, trial.method.canonical_json(), trial.recipe.canonical_json()

    @property
    def trains(self) -> bool:
        """Whether its method trains the base model, or anything else."""
        return self.records[0].trial.method.trains

    @property
    def by_seed(self) -> dict[int, float]:
        """The main metric with each seed that ended well and measured it."""
        ended = (record for record in self.records if record.outcome.kind == "ok")
        return {one.trial.seed: one.metrics[self.quality] for one in ended if self.quality in one.metrics}

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that left a record."""
        return tuple(record.trial.seed for record in self.records)

    @property
    def task_spec(self) -> TaskSpec:
        """The task, as the first of the records has it that says what the task scores, or else the first."""
        tasks = [record.trial.task for record in self.records]
        return next((task for task in tasks if task.metrics), tasks[0])

    @property
    def main_metric(self) -> Metric:
        """The metric that the row is ranked by."""
        return self.task_spec.scored(self.metrics)[0]

    @property
    def quality(self) -> str:
        """The name of the metric that the row is ranked by."""
        return self.main_metric.name

    @property
    def merit(self) -> float | None:
        """The main metric, turned round where less is better, so that more merit is better; None without a value."""
        return self.main_metric.sign * self.metrics[self.quality] if self.quality in self.metrics else None

    @property
    def answer_batch_size(self) -> int:
        """The batch size that the answers were generated with, the same for all seeds."""
        return self.records[0].answer_batch_size

    @property
    def num_ok(self) -> int:
        """Seeds that ran to their end."""
        return sum(record.outcome.kind == "ok" for record in self.records)

    @property
    def outcome(self) -> Outcome:
        """The outcome: ok where every seed ended well, otherwise that of the first seed that did not."""
        return next((one.outcome for one in self.records if one.outcome.kind != "ok"), self.records[0].outcome)


def rows_of(records: Sequence[Record], tuning: Sequence[Record] = (), floor: Floor | None = None) -> list[Row]:
    """Return the rows of these records, in the order in which their first records come.

    `tuning` are records that are no rows, but tell how many settings were tried on validation data. `floor` is what
    rows must reach to lie on a front, in place of the base model's main metric.
    """
    together: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        trial = record.trial
        # Not the label alone: a study may have changed what a label stands for between two runs.
        method = trial.method.canonical_json(), trial.recipe
        key = (trial.task.identity, trial.split, method, trial.learning_rate)
        together.setdefault(key, []).append(record)
    names = _task_names(records)
    rows = [_row(names, sorted(group, key=lambda record: record.trial.seed)) for group in together.values()]
    for places in _by_view(rows):
        for place, below in zip(places, below_floor([rows[place] for place in places], floor), strict=True):
            rows[place] = rows[place]._replace(below_floor=below)
    fronts, tried = _fronts(rows), _settings_tried([*records, *tuning])
    return [
        row._replace(fronts=frozenset(fronts[index]), num_tried=len(tried.get(_tuned_as(row.records[0]), ())))
        for index, row in enumerate(rows)
    ]


def best_first(row: Row) -> float:
    """Return what sorts rows by their main metric, the best first and those without a value last."""
    return math.inf if row.merit is None else -row.merit


def _by_view(rows: Sequence[Row]) -> list[list[int]]:
    """Return the places of the rows of each task and split."""
    found: dict[tuple[str, str], list[int]] = {}
    for place, row in enumerate(rows):
        found.setdefault((row.task, row.split), []).append(place)
    return list(found.values())


def _settings_tried(records: Sequence[Record]) -> dict[Hashable, set[Hashable]]:
    """Return the learning rates and parameters that were tried on validation data, by method and task."""
    tried: dict[Hashable, set[Hashable]] = {}
    for record in records:
        if record.trial.split == "validation":
            setting = record.trial.learning_rate, record.trial.method.canonical_json()
            tried.setdefault(_tuned_as(record), set()).add(setting)
    return tried


def _tuned_as(record: Record) -> Hashable:
    task = record.trial.task
    return record.trial.method.label, task.name, task.content_hash


def _task_names(records: Iterable[Record]) -> dict[str, str]:
    """Return how the task of each record, by trial id, is called: options are named where they tell tasks apart."""
    tasks = {record.trial_id: record.trial.task for record in records}
    different = {(task.name, task.version, task.content_hash): task for task in tasks.values()}
    namesakes: dict[str, list[TaskSpec]] = {}
    for task in different.values():
        namesakes.setdefault(task.name, []).append(task)
    return {
        trial_id: task.name
        if len(namesakes[task.name]) == 1
        else f"{task.name} ({_told_apart(task, namesakes[task.name])})"
        for trial_id, task in tasks.items()
    }


def _told_apart(task: TaskSpec, namesakes: Sequence[TaskSpec]) -> str:
    """Return what a task has and others of its name have not: its value of the one option that differs, or its hash."""
    names = dict.fromkeys(name for one in namesakes for name in one.options)
    differing = [name for name in names if len({repr(one.options.get(name)) for one in namesakes}) > 1]
    if len(differing) == 1:
        values = {str(one.options.get(differing[0])) for one in namesakes}
        if len(values) == len(namesakes) and all(len(one) <= _LONGEST_VALUE and one.isprintable() for one in values):
            return f"{differing[0]}: {task.options.get(differing[0])}"
    return (task.content_hash or task.version)[:6]


def _row(task_names: dict[str, str], records: list[Record]) -> Row:
    trial = records[0].trial
    heard = [record for record in records if record.outcome.kind == "ok"] or records
    figures = {name: _values(heard, name) for name in trial.task.table}
    metrics = {name: fmean(values) for name, values in figures.items() if values}
    return Row(
        task=task_names[records[0].trial_id],
        split=trial.split,
        method=trial.method.label,
        learning_rate=trial.learning_rate,
        records=tuple(records),
        metrics=metrics,
        spreads={name: _spread(values) for name, values in figures.items() if len(values) > 1},
        standard_errors=_means(record.standard_errors for record in heard),
        groups=_group_means(heard),
        quality_interval=_share_interval(heard, metrics),
        fronts=frozenset(),
    )


def _share_interval(records: Sequence[Record], metrics: Mapping[str, float]) -> Interval | None:
    """Return the interval of a main metric that is a share of questions, over those of one seed."""
    main = records[0].trial.task.scored(metrics)[0]
    num_items = min((record.num_items for record in records if record.num_items), default=0)
    if not (num_items and main.is_share and main.name in metrics):
        return None
    return wilson(min(metrics[main.name] * num_items, num_items), num_items)


def _values(records: Sequence[Record], name: str) -> list[float]:
    return [value for record in records if (value := record.metrics.get(name)) is not None]


def _spread(values: Sequence[float]) -> float:
    """Return the standard deviation (n - 1); most values are the same with every seed, as bytes are."""
    return 0.0 if len(set(values)) == 1 and math.isfinite(values[0]) else stdev(values)


def _means(components: Iterable[dict[str, float]]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for part in components:
        for name, value in part.items():
            values.setdefault(name, []).append(value)
    return {name: fmean(found) for name, found in values.items()}


def _group_means(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    names = dict.fromkeys(name for record in records for name in record.groups)
    return {name: _means(record.groups[name] for record in records if name in record.groups) for name in names}


def _fronts(rows: Sequence[Row]) -> list[set[str]]:
    """Return, for each row, the costs on whose front it lies. Rows with a seed that did not end are on none."""
    found: list[set[str]] = [set() for _ in rows]
    for inside in _by_view(rows):
        places = [place for place in inside if rows[place].outcome.kind == "ok" and not rows[place].below_floor]
        records = [record for place in places for record in rows[place].records]
        merits = [rows[place].merit for place in places]
        for cost in COSTS:
            if same_conditions(records, cost):
                points = [(merit, rows[place].metrics.get(cost)) for merit, place in zip(merits, places, strict=True)]
                for index in pareto_front(points, (Direction.HIGHER, METRICS[cost].direction)):
                    found[places[index]].add(cost)
    return found
