"""A study as stages: what runs first, and what can only be planned once that has ended."""

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import NamedTuple

from paretune.execute.data_sets import DataSets
from paretune.execute.plan import Planned, planned, recipe_of
from paretune.execute.reading import FolderRecords, read_folder
from paretune.spec import (
    METRICS,
    Candidate,
    MethodEntry,
    Metric,
    PlannedStage,
    Record,
    Study,
    StudyPlan,
    Trial,
    Tuning,
)
from paretune.store import Store
from paretune.tasks import Split
from paretune.tune import Cell, Chosen, TaskSearch, check_budget, metric_of, search_task

FINAL = "final"
"""The name of the last stage of a study that tunes."""


class Stage(NamedTuple):
    """Trials that may run in any order before the next stage is planned."""

    name: str
    trials: tuple[Trial, ...]
    alone: bool
    """One trial at a time, however many jobs there are: its time and memory are results."""
    decided: bool = True
    """False where only the number of trials is known: their settings depend on earlier stages."""


class Stages(NamedTuple):
    """All stages of a study, as far as they can be told."""

    stages: tuple[Stage, ...]
    num_later: int = 0
    """Tuning trials that will follow, whose settings depend on results."""
    num_if_wider: int = 0
    """Tuning trials that will follow at most, should a method's best lie at an edge of its rates."""
    kept: StudyPlan | None = None
    """What is kept next to the records of a tuned study."""

    @property
    def trials(self) -> list[Trial]:
        """The trials that are decided, in the order in which they run."""
        return [trial for stage in self.stages if stage.decided for trial in stage.trials]

    def resumable(self, results: Mapping[str, Record]) -> list[Trial]:
        """Return the trials whose training states may still be of use.

        While settings are compared these are all tuning trials. Where grids are not widened any more, those of settings
        that were left early are not among them.
        """
        if self.kept is None:
            return []
        final = self.stages[-1]
        if final.name == FINAL and final.decided:
            return [trial for trial in final.trials if trial.id not in results]
        left_early = {
            trial_id
            for search in (() if self.num_if_wider else self.kept.searches)
            if any(candidate.trial_ids for candidate in search.candidates)
            for candidate in search.candidates
            if not candidate.trial_ids
            for trial_id in candidate.all_trial_ids
        }
        return [trial for trial in self.trials if trial.tunes and trial.id not in left_early]


class Blueprint:
    """A study with everything filled in. Raises `InputError` for what in it does not exist or does not fit."""

    def __init__(self, study: Study, data: DataSets | None = None) -> None:
        self._study = study
        self._data = data or DataSets()
        rows = planned(study, self._data)
        self._trials = [row.trial for row in rows]
        self.entries: dict[str, MethodEntry] = {row.trial.method.label: row.entry for row in rows}
        """The study's entries by the labels of their trials."""
        self._tasks: list[list[Cell]] = []
        if study.tuning is not None:
            cells = [_cell(study, study.tuning, row) for row in rows if _opens_a_cell(study, row.trial)]
            tasks = dict.fromkeys(cell.template.task.content_hash for cell in cells)
            self._tasks = [[cell for cell in cells if cell.template.task.content_hash == task] for task in tasks]
            for task in self._tasks:
                check_budget(study.tuning, task)

    @property
    def split_sizes(self) -> dict[str, dict[Split, int]]:
        """How many examples each split has, by the name of the task."""
        return {entry.name: self._data.sizes(entry.name, entry.options, entry.version) for entry in self._study.tasks}

    @property
    def num_train_examples(self) -> list[int]:
        """How many training examples each task has."""
        return [sizes["train"] for sizes in self.split_sizes.values()]

    def read(self, store: Store) -> FolderRecords:
        """Return the records in a folder as they are read for this study. Raises `InputError` as `read_folder` does."""
        return read_folder(self._trials, store, self._data)

    def stages(self, results: Mapping[str, Record]) -> Stages:
        """Return the stages that follow from the results so far, by trial id; cancelled trials have none.

        A fixed study has one stage. A tuned one begins with what needs no training, which also shows early whether the
        whole path works; then come rounds of tuning, and the final trials when all tasks are tuned. The stages depend
        on study and results alone.
        """
        tuning = self._study.tuning
        if tuning is None:
            return Stages((Stage("trials", tuple(self._trials), alone=False),))
        tasks = [search_task(tuning, cells, results) for cells in self._tasks]
        untrained = [trial for trial in self._trials if not trial.method.trains]
        rounds = zip_longest(*(task.rounds for task in tasks), fillvalue=[])
        stages = [
            Stage("without training", tuple(untrained), alone=True),
            *(Stage(f"tuning, round {number}", tuple(chain(*parts)), False) for number, parts in enumerate(rounds, 1)),
            self._final(tasks),
        ]
        stages = [stage for stage in stages if stage.trials]
        kept = StudyPlan(
            tuning=tuning,
            chosen_by=self._chosen_by(tuning),
            searches=tuple(chain(*(task.searches for task in tasks))),
            stages=tuple(
                PlannedStage(name=stage.name, trial_ids=tuple(trial.id for trial in stage.trials))
                for stage in stages
                if stage.decided
            ),
        )
        num_later = sum(task.num_later for task in tasks)
        return Stages(tuple(stages), num_later, sum(task.num_if_wider for task in tasks), kept)

    def _chosen_by(self, tuning: Tuning) -> Metric | None:
        """Return what settings are chosen by, unless Paretune knows it by itself."""
        metric = metric_of(tuning, [cell for cells in self._tasks for cell in cells])
        return None if METRICS.get(metric.name) == metric else metric

    def _final(self, tasks: Sequence[TaskSearch]) -> Stage:
        """Return the final stage: the chosen settings, or while a task is being tuned as many trials at the priors."""
        decided = all(task.choices for task in tasks)
        trials = [
            cell.final_trial(candidate, seed)
            for cells, task in zip(self._tasks, tasks, strict=True)
            for seed in self._study.seeds
            for cell, candidate in _settings(cells, task, decided)
        ]
        return Stage(FINAL, tuple(trials), alone=True, decided=decided)


def _settings(cells: Sequence[Cell], task: TaskSearch, decided: bool) -> list[tuple[Cell, Candidate]]:
    if not decided:
        return [(cell, Candidate(learning_rate=cell.prior)) for cell in cells]
    pairs = zip(cells, task.choices, strict=True)
    return [(cell, choice.point.candidate) for cell, choice in pairs if isinstance(choice, Chosen)]


def _opens_a_cell(study: Study, trial: Trial) -> bool:
    return trial.method.trains and trial.seed == study.seeds[0]


def _cell(study: Study, tuning: Tuning, row: Planned) -> Cell:
    return Cell(row.trial, row.entry.tune, recipe_of(study, row.entry, tuning.recipe).for_examples(row.num_examples))
