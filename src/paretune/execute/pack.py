"""Several trials in one process: trained in one pass over one copy of the base model, then evaluated one by one."""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, SupportsInt

from paretune.engine import Divergence, Training
from paretune.engine.packing import NotPackable, Trainee, sharing_copy, train_packed, weight_sums
from paretune.engine.train import now
from paretune.execute.events import Listener
from paretune.execute.executor import Attempt, Finished
from paretune.execute.grouping import may_be_packed
from paretune.execute.library_warnings import collect_warnings
from paretune.execute.trial import Ready, TrialRun
from paretune.kinds import Kind, TrainingData
from paretune.spec import Phase, Trial
from paretune.store import NOTHING_SHARED, SharedValues
from paretune.tasks import AnyTask

Begun = tuple[Kind[Any], AnyTask, Trial]
"""A trial's kind of model, its task, and the trial with its base model's revision fixed."""


class _Member(NamedTuple):
    """A trial that is ready to train."""

    ready: Ready
    data: TrainingData
    trainee: Trainee


def run_pack(
    attempts: Sequence[Attempt],
    *,
    concurrent_workers: SupportsInt,
    listener: Listener,
    shared: SharedValues = NOTHING_SHARED,
    only_if_faster: bool = False,
) -> Iterator[Finished]:
    """Train trials in one pass and yield what each leaves, as `run_trial` would, as soon as it has ended.

    Losses, answers and checkpoints are those of the same trials alone, up to rounding. Records say what they were
    trained with, and have neither clocks nor peaks. Trials that diverge come first.

    Raises `NotPackable`, before anything is yielded, where they cannot be trained in one pass, and with
    `only_if_faster` where a few steps show that it would not be at least 10% faster; what else goes wrong
    until they are trained is raised as it is, since it says nothing about any one of them. They can then run alone.
    """
    trials = [one.trial for one in attempts]
    for trial in trials[1:]:
        if not may_be_packed(trials[0], trial):
            raise NotPackable("they differ in more than learning rate and seed")
    runs = [TrialRun(one.trial, one.checkpoint, listener, shared) for one in attempts]
    with collect_warnings() as warned:
        begun = [run.begin() for run in runs]
        members, results = _trained(runs, begun, listener, only_if_faster=only_if_faster)
    for run, member, result in zip(runs, members, results, strict=True):
        run.warned(warned.lines)
        run.attempt(partial(_take, run, member, result))
    del members, member, results, result  # what training leaves in memory
    gc.collect()
    for place in sorted(range(len(runs)), key=lambda place: runs[place].outcome.kind == "ok"):
        run, (trial, _, attempt), (kind, task, pinned) = runs[place], attempts[place], begun[place]
        run.attempt(partial(run.evaluate, kind, task, _without_memory(pinned)))
        yield run.finished(attempt, concurrent_workers, [other for other in trials if other is not trial])


def _trained(
    runs: Sequence[TrialRun], begun: Sequence[Begun], listener: Listener, *, only_if_faster: bool
) -> tuple[list[_Member], list[Training | Divergence]]:
    """Train all in one pass. Each run's phases get their share of what was done for all."""
    kind, task, first = begun[0]
    with _shared(runs, Phase.LOAD, listener):
        loaded = kind.load(task, first)
    losses_of = kind.packed_losses(loaded)
    if losses_of is None:
        raise NotPackable("their kind of model is trained alone")
    sums = weight_sums(loaded.model)
    members = []
    for run, (_, _, trial) in zip(runs, begun, strict=True):
        run.model_note = loaded.note
        own = loaded._replace(model=sharing_copy(loaded.model))
        ready, data = run.ready(kind, trial, own), run.data(kind, task, trial, own)
        trainee = Trainee(ready.model, ready.method, run.optimizer(ready, data), data.batches)
        members.append(_Member(ready, data, trainee))
    trainees = [member.trainee for member in members]
    with _shared(runs, Phase.TRAIN, listener):
        results = train_packed(
            loaded.model,
            trainees,
            first.recipe,
            losses_of,
            sums=sums,
            on_step=runs[0].on_step,
            clock=partial(now, next(loaded.model.parameters()).device) if only_if_faster else None,
        )
    return members, results


@contextmanager
def _shared(runs: Sequence[TrialRun], phase: Phase, listener: Listener) -> Iterator[None]:
    """Give each run its share of the seconds that something takes."""
    listener.phase(phase)
    began = time.perf_counter()
    yield
    for run in runs:
        run.phases.took(phase, (time.perf_counter() - began) / len(runs))


def _take(run: TrialRun, member: _Member, result: Training | Divergence) -> None:
    """Keep what a trial's training came to. Raises its divergence."""
    if isinstance(result, Divergence):
        raise result
    run.keep_training(result)
    run.after_training(member.ready, member.data)


def _without_memory(trial: Trial) -> Trial:
    """Return the trial as it is evaluated: memory is not counted of trials that were trained together."""
    return trial.model_copy(update={"measures": tuple(one for one in trial.measures if one != "memory")})
