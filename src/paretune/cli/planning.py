"""What a run is going to do: stages, numbers of trials, and the time they take."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from paretune.cli.time_left import span_text
from paretune.execute.duration import Durations, Span, time_left
from paretune.execute.run import pending_trials, results_in
from paretune.execute.stages import Blueprint, Stage, Stages
from paretune.report.format import plain
from paretune.spec import Record, Study, Trial
from paretune.store import Store


def show_plan(study: Study, folder: Path, *, jobs: int, as_json: bool) -> None:
    """Print what a run of the study would do in this folder, and run nothing."""
    results = results_in(Store(folder))
    stages = Blueprint(study).stages(results)
    spans = time_left(stages, results, Durations(results.values()), jobs)
    if as_json:
        print(json.dumps(_plan_json(study, folder, stages, results, spans), indent=1))
        return
    console = Console()
    console.print(plan_headline(study, folder, stages, results, jobs), highlight=False, markup=False, soft_wrap=True)
    console.print(plan_table(stages, results, spans))
    for note in plan_notes(study, stages, spans):
        console.print(note, highlight=False, markup=False, soft_wrap=True)


def announce_plan(study: Study, folder: Path, *, jobs: int, retry: bool, console: Console) -> None:
    """Say before a run what it is going to do."""
    results = results_in(Store(folder))
    stages = Blueprint(study).stages(results)
    again = {trial.id for trial in pending_trials(stages.trials, results, retry=retry)}
    results = {trial_id: record for trial_id, record in results.items() if trial_id not in again}
    spans = time_left(stages, results, Durations(results.values()), jobs)
    console.print(plan_headline(study, folder, stages, results, jobs), highlight=False, markup=False, soft_wrap=True)
    if len(stages.stages) > 1:
        console.print(plan_table(stages, results, spans))
    if _num_waiting(stages, results):
        for note in plan_notes(study, stages, spans):
            console.print(note, highlight=False, markup=False, soft_wrap=True)


def plan_headline(study: Study, folder: Path, stages: Stages, results: Mapping[str, Record], jobs: int) -> str:
    """Return the one line that says how many trials there are, and how many are left."""
    waiting = _num_waiting(stages, results)
    total = sum(len(stage.trials) for stage in stages.stages) + stages.num_later
    together = f", {jobs} at a time" + (" (final trials alone)" if study.tuning and jobs > 1 else "")
    return f'Study "{study.name}": {total} trials, {total - waiting} finished' + (
        f", {waiting} to run{together}. Records go to {folder}" if waiting else ""
    )


def plan_table(stages: Stages, results: Mapping[str, Record], spans: Sequence[Span]) -> Table:
    """Return the stages as a table: trials, how many have a result, and the time that the others take."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading in ("Stage", "Trials", "Finished", "Time left", "What"):
        table.add_column(heading, justify="right" if heading in {"Trials", "Finished"} else "left")
    for stage, span in zip(stages.stages, spans, strict=True):
        finished = _num_finished(stage, results)
        left = "done" if finished == len(stage.trials) else span_text(span)
        table.add_row(plain(stage.name), str(len(stage.trials)), str(finished), left, _what(stage))
    if stages.num_later:
        table.add_row("tuning, further rounds", str(stages.num_later), "0", "", "settings depend on results")
    return table


def plan_notes(study: Study, stages: Stages, spans: Sequence[Span]) -> list[str]:
    """Return what a reader of the plan must know beside the numbers."""
    total = sum(spans, Span(0.0, whole=True))
    notes = [
        f"Time left: {span_text(total)}"
        + ("" if total.whole else "; the rest is estimated as soon as the first trials have ended")
        + "."
    ]
    if stages.num_if_wider:
        notes.append(
            f"If a method's best lies at the edge of its rates, all methods get wider ones: at most "
            f"{stages.num_if_wider} more tuning trials."
        )
    if study.tuning is not None:
        notes.append(
            f"Every method gets the same budget, chosen by {study.tuning.choose_by.replace('_', ' ')} on validation "
            "data; the test questions are asked in the final trials alone."
        )
    return notes


def _num_finished(stage: Stage, results: Mapping[str, Record]) -> int:
    return sum(trial.id in results for trial in stage.trials) if stage.decided else 0


def _num_waiting(stages: Stages, results: Mapping[str, Record]) -> int:
    return stages.num_later + sum(len(stage.trials) - _num_finished(stage, results) for stage in stages.stages)


def _what(stage: Stage) -> str:
    labels = dict.fromkeys(trial.method.label for trial in stage.trials)
    methods = f"{len(labels)} method{'' if len(labels) == 1 else 's'}"
    if not stage.decided:
        return f"{methods}; settings depend on the tuning"
    return f"{methods}, one at a time" if stage.alone else methods


def _plan_json(
    study: Study, folder: Path, stages: Stages, results: Mapping[str, Record], spans: Sequence[Span]
) -> dict[str, Any]:
    total = sum(spans, Span(0.0, whole=True))
    return {
        "study": study.name,
        "folder": str(folder),
        "tuning": study.tuning.model_dump(mode="json") if study.tuning else None,
        "stages": [
            {
                "name": stage.name,
                "decided": stage.decided,
                "one_at_a_time": stage.alone,
                "num_trials": len(stage.trials),
                "num_finished": _num_finished(stage, results),
                "seconds_left": span.seconds,
                "seconds_left_is_whole": span.whole,
                "trials": [_trial_json(trial, results) for trial in stage.trials] if stage.decided else [],
            }
            for stage, span in zip(stages.stages, spans, strict=True)
        ],
        "num_later_tuning_trials": stages.num_later,
        "most_tuning_trials_of_wider_rates": stages.num_if_wider,
        "seconds_left": total.seconds,
        "seconds_left_is_whole": total.whole,
    }


def _trial_json(trial: Trial, results: Mapping[str, Record]) -> dict[str, Any]:
    record = results.get(trial.id)
    return {
        "trial_id": trial.id,
        "task": trial.task.name,
        "method": trial.method.label,
        "learning_rate": trial.learning_rate,
        "parameters": trial.method.parameters,
        "seed": trial.seed,
        "split": trial.split,
        "outcome": record.outcome.kind if record else None,
    }
