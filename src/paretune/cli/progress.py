"""A bar with the time left in a terminal, plain lines in a log."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from paretune.cli.time_left import ProgressEstimator
from paretune.execute.duration import AtOnce
from paretune.execute.events import Watcher
from paretune.execute.stages import Stages
from paretune.report.format import show
from paretune.spec import METRICS, Phase, Record, Trial

_PLAIN_INTERVAL_SECONDS = 30.0


class RunWatcher(Watcher, Protocol):
    """Shows how a whole run goes, and each time what is planned."""

    def planned(self, stages: Stages, results: Mapping[str, Record]) -> None:
        """The stages were planned from these results, by trial id; trials that run again are not among them."""


@contextmanager
def watcher_for(at_once: AtOnce, console: Console, folder: Path) -> Iterator[RunWatcher]:
    """Yield the watcher that fits where its words go. `folder` is the study's."""
    if not console.is_terminal:
        yield _Plain(at_once, console, folder)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bars(at_once, console, folder, progress)


class _Plain:
    """One line for each trial that starts or ends, and one now and then in between."""

    def __init__(self, at_once: AtOnce, console: Console, folder: Path) -> None:
        self._estimator = ProgressEstimator(at_once, folder)
        self._console = console
        self._spoke = time.monotonic()

    def planned(self, stages: Stages, results: Mapping[str, Record]) -> None:
        if news := self._estimator.planned(stages, results):
            self._console.print(news, markup=False, highlight=False, soft_wrap=True)

    def started(self, trial: Trial) -> None:
        self._estimator.started(trial)
        self._say(f"start   {_name(trial)}")

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        self._estimator.heard(trial, phase, done, total)
        if time.monotonic() - self._spoke > _PLAIN_INTERVAL_SECONDS:
            self._say(f"        {_name(trial)}: {_where(phase, done, total)}; {self._estimator.left()}")

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        self._estimator.finished(trial, record, seconds)
        self._say(f"{_verdict(trial, record, seconds)}; {self._estimator.left()}")

    def _say(self, text: str) -> None:
        self._spoke = time.monotonic()
        done = f"[{self._estimator.num_done}/{self._estimator.total}]"
        self._console.print(f"{done} {text}", markup=False, highlight=False, soft_wrap=True)


class _Bars:
    """A bar for the whole run and one for each trial that runs."""

    def __init__(self, at_once: AtOnce, console: Console, folder: Path, progress: Progress) -> None:
        self._estimator = ProgressEstimator(at_once, folder)
        self._console = console
        self._progress = progress
        self._whole = progress.add_task("study", total=1.0, note="")
        self._bars: dict[str, TaskID] = {}

    def planned(self, stages: Stages, results: Mapping[str, Record]) -> None:
        if news := self._estimator.planned(stages, results):
            self._console.print(news, markup=False, highlight=False, soft_wrap=True)

    def started(self, trial: Trial) -> None:
        self._estimator.started(trial)
        self._bars[trial.id] = self._progress.add_task(_name(trial), total=None, note="loading")

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        self._estimator.heard(trial, phase, done, total)
        self._progress.update(
            self._bars[trial.id], completed=done, total=total or None, note=_where(phase, done, total)
        )
        self._progress.update(self._whole, completed=self._estimator.share, note=self._note())

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        self._estimator.finished(trial, record, seconds)
        self._progress.remove_task(self._bars.pop(trial.id))
        self._progress.update(self._whole, completed=self._estimator.share, note=self._note())
        self._console.print(_verdict(trial, record, seconds), markup=False, highlight=False, soft_wrap=True)

    def _note(self) -> str:
        return f"{self._estimator.num_done} of {self._estimator.total} trials, {self._estimator.left()}"


def _name(trial: Trial) -> str:
    rate = f", learning rate {trial.learning_rate:g}" if trial.learning_rate is not None else ""
    return f"{trial.method.label} ({'tuning, ' if trial.tunes else ''}seed {trial.seed}{rate})"


def _where(phase: Phase, done: int, total: int) -> str:
    return f"{phase} {done}/{total}" if total else str(phase)


def _verdict(trial: Trial, record: Record, seconds: float) -> str:
    took = f"{timedelta(seconds=round(seconds))}"
    if record.outcome.kind == "ok":
        figures = [
            f"{metric.words} {show(metric, record.metrics[metric.name])}"
            for metric in (record.main_metric, METRICS["validation_loss"])
            if metric.name in record.metrics
        ]
        return f"ok      {_name(trial)}: {figures[0]} in {took}"
    reason = getattr(record.outcome, "message", "") or getattr(record.outcome, "reason", "")
    return f"{record.outcome.kind}  {_name(trial)} after {took}" + (f": {reason}" if reason else "")
