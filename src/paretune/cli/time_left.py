"""How far a run has come, and how long the rest will take."""

import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from paretune.execute.duration import AtOnce, Durations, Span, steps_ready, time_left
from paretune.execute.stages import Stages
from paretune.spec import Phase, Record, Trial

_GLIMPSE_FROM_SHARE = 0.05


def span_text(span: Span) -> str:
    """Return words such as "about 0:03:10"; "at least" where something in it has never been seen."""
    if span.seconds == 0 and not span.whole:
        return "not known yet"
    return f"{'about' if span.whole else 'at least'} {timedelta(seconds=round(span.seconds))}"


class ProgressEstimator:
    """Counts the trials of a run that are done and still to come, and estimates the time left."""

    def __init__(self, at_once: AtOnce, folder: Path | None = None) -> None:
        """`folder` is the study's, where it lies on this machine."""
        self._at_once = at_once
        self._folder = folder
        self._num_ready: dict[str, int] = {}
        self._stages = Stages(())
        self._results: dict[str, Record] = {}
        self._durations = Durations()
        self._began: dict[str, float] = {}
        self._phase: dict[str, tuple[Phase, float]] = {}
        self.num_done = 0

    def planned(self, stages: Stages, results: Mapping[str, Record]) -> str:
        """Take in a plan and the results it was made from. Return in words what is new in it, if anything is."""
        news = _news(self._stages, stages)
        fresh = [record for trial_id, record in results.items() if trial_id not in self._results]
        self._stages, self._results = stages, dict(results)
        for record in fresh:
            self._durations.learn(record)
        if self._folder is not None:
            self._num_ready = steps_ready(stages, results, self._folder)
        return news

    def started(self, trial: Trial) -> None:
        """A trial begins. What came of it before no longer counts."""
        self._results.pop(trial.id, None)
        self._began[trial.id] = time.monotonic()

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        """A phase of a trial has come so far."""
        now = time.monotonic()
        before, since = self._phase.get(trial.id, (None, now))
        if phase != before:
            self._phase[trial.id] = (phase, now)
            return
        ready = self._num_ready.get(trial.id, 0) if phase is Phase.TRAIN else 0
        if total and (done - ready) / total >= _GLIMPSE_FROM_SHARE:
            self._durations.glimpse(trial, phase, now - since, (done - ready) / total)

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        """A trial has ended."""
        self._began.pop(trial.id, None)
        self._phase.pop(trial.id, None)
        self._results[trial.id] = record
        self._durations.learn(record, seconds)
        self.num_done += 1

    @property
    def total(self) -> int:
        """Trials of this run, done and to come, as far as they can be counted now."""
        waiting = [trial for stage in self._stages.stages for trial in stage.trials if trial.id not in self._results]
        return self.num_done + len(waiting) + self._stages.num_later

    @property
    def share(self) -> float:
        """Done share of the run's time, from 0 to 1, from the trials that have ended and the time of the others."""
        running = sum(
            min(0.99, self._passed(trial_id) / max(1.0, self._expected(trial_id))) for trial_id in self._began
        )
        return (self.num_done + running) / max(1, self.total)

    def left(self) -> str:
        """Return words such as "about 0:03:10 left"."""
        if self.total == self.num_done:
            return "nothing left"
        spans = time_left(self._stages, self._results, self._durations, self._at_once, self._num_ready)
        total = sum(spans, Span(0.0, whole=True))
        if total.seconds == 0:
            return "time left not known yet"
        passed = sum(min(self._passed(trial_id), self._expected(trial_id)) for trial_id in self._began)
        rest = max(0.0, total.seconds - passed / max(1, len(self._began)))
        return f"{span_text(total._replace(seconds=rest))} left"

    def _passed(self, trial_id: str) -> float:
        return time.monotonic() - self._began[trial_id]

    def _expected(self, trial_id: str) -> float:
        for stage in self._stages.stages:
            for trial in stage.trials:
                if trial.id == trial_id:
                    alone, num_ready = stage.alone or self._at_once.jobs == 1, self._num_ready.get(trial_id, 0)
                    return self._durations.of(trial, alone=alone, num_ready=num_ready).seconds
        return 0.0


def _news(before: Stages, now: Stages) -> str:
    """Return what a plan adds to the one before it; nothing is new in a first plan, which has been shown whole."""
    decided = {stage.name for stage in before.stages if stage.decided}
    fresh = [stage for stage in now.stages if stage.decided and stage.name not in decided]
    if not (before.kept and now.kept and fresh):
        return ""
    pairs = zip(before.kept.searches, now.kept.searches, strict=True)
    wider = any((old.low, old.high) != (new.low, new.high) for old, new in pairs)
    reason = "; a best learning rate was at the edge of its grid, so every grid is widened" if wider else ""
    return f"{fresh[-1].name}: {len(fresh[-1].trials)} trials{reason}"
