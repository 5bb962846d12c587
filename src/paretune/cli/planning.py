"""What a run is going to do: stages, numbers of trials, and the time they take."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from paretune.analysis.decisions.checklist import FEWEST_SEEDS
from paretune.analysis.table.plan_cost import Pricing
from paretune.cli.data_report import print_data_reports
from paretune.cli.plan_settings import default_rate_notes, few_test_items_notes, settings_lines
from paretune.cli.time_left import span_text
from paretune.execute.duration import AtOnce, Durations, Span, steps_ready, time_left
from paretune.execute.prepare import Prepared, pending_trials
from paretune.execute.stages import Stage, Stages
from paretune.models.hardware import slowness_note
from paretune.report.format import plain
from paretune.report.plan_cost import pricing_json, pricing_summary
from paretune.spec import Record, Study, Trial
from paretune.store.remote import address_of


class Outlook(NamedTuple):
    """What a run of a study in a folder would do."""

    prepared: Prepared
    folder: Path
    at_once: AtOnce
    results: Mapping[str, Record]
    """Results that stand, by trial id: trials that run again are not among them."""
    spans: list[Span]
    """What is left of each stage takes so long."""

    @property
    def study(self) -> Study:
        """The study."""
        return self.prepared.study

    @property
    def stages(self) -> Stages:
        """Its stages."""
        return self.prepared.stages

    @property
    def num_trials(self) -> int:
        """Trials of all stages, as far as they can be counted."""
        return sum(len(stage.trials) for stage in self.stages.stages) + self.stages.num_later

    @property
    def num_waiting(self) -> int:
        """Trials without a result."""
        return self.num_trials - sum(self.num_finished(stage) for stage in self.stages.stages)

    @property
    def left(self) -> Span:
        """The time that all of them take."""
        return sum(self.spans, Span(0.0, whole=True))

    def num_finished(self, stage: Stage) -> int:
        """Return how many trials of a stage have a result."""
        return sum(trial.id in self.results for trial in stage.trials) if stage.decided else 0


def show_plan(
    prepared: Prepared,
    folder: Path,
    *,
    at_once: AtOnce,
    retry: bool,
    as_json: bool,
    priced: Pricing | None = None,
    price: float | None = None,
) -> None:
    """Print what a run of the study would do in this folder, and run nothing.

    `priced` is what it takes with a GPU, an hour of which costs `price`.
    """
    outlook = _outlook(prepared, folder, at_once, retry)
    if as_json:
        shown = {} if priced is None else {"priced": pricing_json(priced, price)}
        print(json.dumps(_plan_json(outlook) | shown, indent=1))
    else:
        console = Console()
        print_data_reports(prepared.data, console)
        _print(outlook, console, whole=True, here=priced is None)
        if priced is not None:
            console.print(pricing_summary(priced, price), highlight=False, soft_wrap=True)


def announce_plan(prepared: Prepared, folder: Path, *, at_once: AtOnce, retry: bool, console: Console) -> None:
    """Say before a run what it is going to do: one line for a fixed study, the stages of one that tunes."""
    outlook = _outlook(prepared, folder, at_once, retry)
    print_data_reports(prepared.data, console)
    _print(outlook, console, whole=prepared.study.tuning is not None and outlook.num_waiting > 0)


def _outlook(prepared: Prepared, folder: Path, at_once: AtOnce, retry: bool) -> Outlook:
    stages, results = prepared.stages, prepared.results
    again = {trial.id for trial in pending_trials(stages.trials, results, retry=retry)}
    durations = Durations(results.values())
    standing = {trial_id: record for trial_id, record in results.items() if trial_id not in again}
    spans = time_left(stages, standing, durations, at_once, steps_ready(stages, standing, folder))
    return Outlook(prepared, folder, at_once, standing, spans)


def _print(outlook: Outlook, console: Console, *, whole: bool, here: bool = True) -> None:
    lines = [_headline(outlook)]
    lines += [*settings_lines(outlook.prepared), *_notes(outlook)] if whole else []
    lines += [*_base_notes(outlook), *_warnings(outlook, here=here)]
    console.print(lines[0], highlight=False, markup=False, soft_wrap=True)
    if whole:
        console.print(_table(outlook))
    for line in lines[1:]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _headline(outlook: Outlook) -> str:
    waiting, (jobs, alone, is_known) = outlook.num_waiting, outlook.at_once
    text = f'Study "{outlook.study.name}": {outlook.num_trials} trials, {outlook.num_trials - waiting} finished'
    if not waiting:
        return text
    if not is_known:
        limit = "" if jobs == 1 else f", at most {jobs}"
        text += f", {waiting} to run, as many at a time as the cluster has room for{limit}"
        text += f", {span_text(outlook.left)} one at a time" if outlook.left.seconds else ""
        return f"{text}. Records go to {address_of(outlook.folder)}"
    text += f", {waiting} to run, {jobs} at a time"
    if outlook.study.tuning is not None and jobs > 1:
        text += f" (final trials {_alone(alone)})"
    if outlook.left.seconds:
        text += f", {span_text(outlook.left)}"
    return f"{text}. Records go to {address_of(outlook.folder)}"


def _table(outlook: Outlook) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading in ("Stage", "Trials", "Finished", "Time left", "What"):
        table.add_column(heading, justify="right" if heading in {"Trials", "Finished"} else "left")
    for stage, span in zip(outlook.stages.stages, outlook.spans, strict=True):
        finished = outlook.num_finished(stage)
        left = "done" if finished == len(stage.trials) else span_text(span)
        table.add_row(
            plain(stage.name), str(len(stage.trials)), str(finished), left, _what(stage, outlook.at_once.alone)
        )
    if outlook.stages.num_later:
        table.add_row("tuning, further rounds", str(outlook.stages.num_later), "0", "", "settings depend on results")
    return table


def _notes(outlook: Outlook) -> list[str]:
    """Return what a reader of the plan must know in addition to the numbers."""
    notes = []
    if outlook.num_waiting:
        known = outlook.left.seconds > 0
        rest = f"; {'the rest' if known else 'it'} is estimated as soon as the first trials have ended"
        notes.append(f"Time left: {span_text(outlook.left)}{'' if outlook.left.whole else rest}.")
    if outlook.stages.num_if_wider:
        notes.append(
            f"If the best learning rate of a method is at the edge of its grid, every grid is widened: at most "
            f"{outlook.stages.num_if_wider} more tuning trials."
        )
    if len(outlook.study.seeds) < FEWEST_SEEDS:
        seeds = "1 seed describes" if len(outlook.study.seeds) == 1 else f"{len(outlook.study.seeds)} seeds describe"
        notes.append(f"{seeds} these runs; a claim that one method is better needs at least {FEWEST_SEEDS}.")
    if outlook.study.tuning is not None:
        notes.append(
            f"Every method gets the same budget, chosen by {outlook.study.tuning.choose_by.replace('_', ' ')} on "
            "validation data; the test questions are used in the final trials only."
        )
    return notes


def _base_notes(outlook: Outlook) -> list[str]:
    """Return which content of the base model the trials are of, where its reference does not say it."""
    trial = next(iter(outlook.stages.trials), None)
    if trial is None or trial.base_content is None:
        return []
    notes = [f"Base model {trial.base_model} is {trial.base_content}."]
    if trial.base_model in outlook.prepared.reading.base_contents:
        notes.append("Earlier records here do not state it; they are assumed to use this one.")
    return notes


def _warnings(outlook: Outlook, *, here: bool) -> list[str]:
    """Return what a run leaves out or cannot show, and, where it would run `here`, what makes it slow."""
    waiting = [trial for trial in outlook.stages.trials if trial.id not in outlook.results]
    dtypes = sorted({trial.recipe.dtype for trial in waiting}) if here else []
    notes = (slowness_note(dtype) for dtype in dtypes)
    skipped = [f"Left out: {reason}" for reason in outlook.prepared.unavailable.values()]
    skipped += [f"Not checked: {reason}." for reason in outlook.prepared.unchecked]
    rates = default_rate_notes(outlook.study) if waiting else []
    few = few_test_items_notes(outlook.prepared) if waiting else []
    return [*skipped, *rates, *few, *(note for note in notes if note)]


def _alone(number: int) -> str:
    """Return how trials run whose clocks are results."""
    return "one at a time" if number == 1 else f"{number} at a time, each with an accelerator or a node of its own"


def _what(stage: Stage, alone: int) -> str:
    num_methods = len({trial.method.label for trial in stage.trials})
    methods = f"{num_methods} method{'' if num_methods == 1 else 's'}"
    if not stage.decided:
        return f"{methods}; settings depend on the tuning"
    return f"{methods}, {_alone(alone)}" if stage.alone else methods


def _plan_json(outlook: Outlook) -> dict[str, Any]:
    tuning = outlook.study.tuning
    return {
        "study": outlook.study.name,
        "unavailable": dict(outlook.prepared.unavailable),
        "unchecked": list(outlook.prepared.unchecked),
        "folder": str(outlook.folder),
        "data": [report.model_dump(mode="json") for report in outlook.prepared.data],
        "base_model": outlook.study.base_model,
        "base_content": next((trial.base_content for trial in outlook.stages.trials), None),
        "tuning": tuning.model_dump(mode="json") if tuning else None,
        "split_sizes": outlook.prepared.blueprint.split_sizes,
        "recipe": outlook.study.recipe.model_dump(mode="json"),
        "skills": [entry.model_dump(mode="json") for entry in outlook.study.skills],
        "steps": {trial.task.name: trial.recipe.steps for trial in outlook.stages.trials if trial.method.trains},
        "seeds": list(outlook.study.seeds),
        "num_trials": outlook.num_trials,
        "num_waiting": outlook.num_waiting,
        "num_later_tuning_trials": outlook.stages.num_later,
        "most_tuning_trials_of_wider_rates": outlook.stages.num_if_wider,
        "seconds_left": outlook.left.seconds,
        "seconds_left_is_whole": outlook.left.whole,
        "stages": [
            {
                "name": stage.name,
                "decided": stage.decided,
                "one_at_a_time": stage.alone,
                "num_trials": len(stage.trials),
                "num_finished": outlook.num_finished(stage),
                "seconds_left": span.seconds,
                "seconds_left_is_whole": span.whole,
                "trials": [_trial_json(trial, outlook.results) for trial in stage.trials] if stage.decided else [],
            }
            for stage, span in zip(outlook.stages.stages, outlook.spans, strict=True)
        ],
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
