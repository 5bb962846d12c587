"""A bar with the time left in a terminal, plain lines in a log."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from paretune.execute.events import Watcher
from paretune.spec import Phase, Record, Trial

_PLAIN_INTERVAL_SECONDS = 30.0
# Rough shares, used only to guess the time left: what a trial without training costs of one with it, how much of it
# lies behind when a phase begins, and how much the phases that report their progress take.
_COST_UNTRAINED = 0.4
_BEFORE_TRAINED = {Phase.TRAIN: 0.1, Phase.VALIDATE: 0.6, Phase.SAVE: 0.65, Phase.RELOAD: 0.7, Phase.TEST: 0.72}
_BEFORE_UNTRAINED = {Phase.RETAIN: 0.1, Phase.TEST: 0.25}
_WIDTH = {Phase.TRAIN: 0.5, Phase.TEST: 0.16}
_WIDTH_UNTRAINED = {Phase.TEST: 0.45}


@contextmanager
def watcher_for(trials: Sequence[Trial], console: Console) -> Iterator[Watcher]:
    """Yield the watcher that fits where its words go."""
    if not console.is_terminal:
        yield _Plain(trials, console)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bars(trials, console, progress)


class _Estimate:
    """Guesses the time left from the finished trials and from how far the running ones are."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._cost = {trial.id: 1.0 if trial.method.trains else _COST_UNTRAINED for trial in trials}
        self._done: dict[str, float] = {}
        self._began = time.monotonic()
        self.num_done = 0
        self.total = len(trials)

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        trained = trial.method.trains
        before = (_BEFORE_TRAINED if trained else _BEFORE_UNTRAINED).get(phase, 0.0)
        width = (_WIDTH if trained else _WIDTH_UNTRAINED).get(phase, 0.0)
        share = before + width * (done / total if total else 0.0)
        self._done[trial.id] = max(self._done.get(trial.id, 0.0), share)

    def finished(self, trial: Trial) -> None:
        self._done[trial.id] = 1.0
        self.num_done += 1

    @property
    def share(self) -> float:
        done = sum(self._cost[trial_id] * share for trial_id, share in self._done.items())
        return done / max(1e-9, sum(self._cost.values()))

    def left(self) -> str:
        """Return words such as "about 0:03:10 left", once enough has been seen to guess."""
        passed = time.monotonic() - self._began
        if self.share < 0.02 or passed < 5:
            return "time left not known yet"
        return f"about {timedelta(seconds=round(passed * (1 - self.share) / self.share))} left"


class _Plain:
    """One line for each trial that starts or ends, and one now and then in between."""

    def __init__(self, trials: Sequence[Trial], console: Console) -> None:
        self._estimate = _Estimate(trials)
        self._console = console
        self._spoke = time.monotonic()

    def started(self, trial: Trial) -> None:
        self._say(f"start   {_name(trial)}")

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        self._estimate.heard(trial, phase, done, total)
        if time.monotonic() - self._spoke > _PLAIN_INTERVAL_SECONDS:
            self._say(f"        {_name(trial)}: {_where(phase, done, total)}; {self._estimate.left()}")

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        self._estimate.finished(trial)
        self._say(_verdict(trial, record, seconds))

    def _say(self, text: str) -> None:
        self._spoke = time.monotonic()
        done = f"[{self._estimate.num_done}/{self._estimate.total}]"
        self._console.print(f"{done} {text}", markup=False, highlight=False, soft_wrap=True)


class _Bars:
    """A bar for the whole run and one for each trial that runs."""

    def __init__(self, trials: Sequence[Trial], console: Console, progress: Progress) -> None:
        self._estimate = _Estimate(trials)
        self._console = console
        self._progress = progress
        self._whole = progress.add_task("study", total=1.0, note="")
        self._bars: dict[str, TaskID] = {}

    def started(self, trial: Trial) -> None:
        self._bars[trial.id] = self._progress.add_task(_name(trial), total=None, note="loading")

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        self._estimate.heard(trial, phase, done, total)
        self._progress.update(
            self._bars[trial.id], completed=done, total=total or None, note=_where(phase, done, total)
        )
        self._progress.update(self._whole, completed=self._estimate.share, note=self._note())

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        self._estimate.finished(trial)
        self._progress.remove_task(self._bars.pop(trial.id))
        self._progress.update(self._whole, completed=self._estimate.share, note=self._note())
        self._console.print(_verdict(trial, record, seconds), markup=False, highlight=False, soft_wrap=True)

    def _note(self) -> str:
        return f"{self._estimate.num_done} of {self._estimate.total} trials, {self._estimate.left()}"


def _name(trial: Trial) -> str:
    rate = f", rate {trial.learning_rate:g}" if trial.learning_rate is not None else ""
    return f"{trial.method.label} (seed {trial.seed}{rate})"


def _where(phase: Phase, done: int, total: int) -> str:
    return f"{phase} {done}/{total}" if total else str(phase)


def _verdict(trial: Trial, record: Record, seconds: float) -> str:
    took = f"{timedelta(seconds=round(seconds))}"
    if record.outcome.kind == "ok":
        return f"ok      {_name(trial)}: accuracy {record.metrics['accuracy']:.1%} in {took}"
    reason = getattr(record.outcome, "message", "") or getattr(record.outcome, "reason", "")
    return f"{record.outcome.kind}  {_name(trial)} after {took}" + (f": {reason}" if reason else "")
