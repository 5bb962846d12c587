"""Runs a study from the point that it has reached."""

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from paretune.execute.events import Watcher
from paretune.execute.executor import Executor, ExecutorFactory, bare_record
from paretune.execute.grouping import Packing, pack_from, say_nothing
from paretune.execute.local import LocalExecutor
from paretune.execute.prepare import Prepared, pending_trials, prepare
from paretune.execute.reading import FolderRecords
from paretune.execute.sending import Sending
from paretune.execute.stages import Stage, Stages
from paretune.spec import Phase, Record, Refused, Study, Trial, relabelled
from paretune.store import Records, Store, keep_plan
from paretune.store.kept_data_reports import keep_data_reports
from paretune.store.remote import is_url, opened_for_writing
from paretune.store.training_states import TrainingStates

OnPlan = Callable[[Stages, Mapping[str, Record]], None]
"""Is called with the stages each time they are planned anew, with the results so far by trial id."""


class Silent:
    """A watcher that says nothing."""

    def started(self, trial: Trial) -> None:
        """Ignore it."""

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        """Ignore it."""

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        """Ignore it."""


def run(
    study: Study,
    folder: str | Path,
    *,
    jobs: int | None = 1,
    threads: int | None = None,
    retry: bool = False,
    skip_unavailable: bool = False,
    share_devices: bool = False,
    pack: int | str = 1,
    on_packing: Callable[[str], None] | None = None,
    prepared: Prepared | None = None,
    executor: ExecutorFactory | None = None,
    watcher: Watcher | None = None,
    on_plan: OnPlan | None = None,
) -> Records:
    """Run what is missing of a study and return the records of all its trials, in the plan's order.

    Finished trials are never run again, so the same call goes on after any interruption. The folder may be a URL: each
    record is sent there when it is finished. A study that tunes is planned stage by stage, each from the records of
    those before; its final trials run one at a time, or one on each accelerator. `executor` makes what runs the trials;
    left out, they run on this machine, `jobs` at once with `threads` each, and each on an accelerator of its own unless
    they `share_devices`. With None there is one on each accelerator, and tuning trials, or with `share_devices` all,
    share one where their predicted memory allows it. `prepared` is what `prepare` returned for the same study and
    folder; left out, that is done first. With `skip_unavailable`, trials of methods that cannot run here are recorded
    as refused. On this machine up to `pack` trials of one method are trained in one pass where their method allows it:
    tuning trials, and all but the first seed of the others, which is timed alone. With "auto" as many as memory is
    predicted to suffice for, up to 8, where a few steps show that it is faster. `on_packing` is told why, and what is
    predicted for sharing.
    Raises `InputError` before the first trial starts when something in the study, the folder or the base model cannot
    be used, and `DiskFull` when the disk is full: no further trial starts then.
    """
    watcher = watcher or Silent()
    with opened_for_writing(folder) as place:
        store = Store(place.folder)
        if prepared is None:
            prepared = prepare(study, store, retry=retry, skip_unavailable=skip_unavailable)
        if is_url(folder):
            watcher = Sending(watcher, place.send, say=warnings.warn)
        packing = partial(_packing, pack, prepared.study.seeds[0], jobs, on_packing)
        here = partial(_on_this_machine, jobs, threads, packing, on_packing, share_devices=share_devices)
        return _run(prepared, store, lambda: executor or here(), watcher, on_plan, retry=retry)


def _run(
    prepared: Prepared,
    store: Store,
    executor: Callable[[], ExecutorFactory],
    watcher: Watcher,
    on_plan: OnPlan | None,
    *,
    retry: bool,
) -> Records:
    """Run what is missing, stage by stage, and return the records of all trials."""
    study = prepared.study
    runs: Executor | None = None
    attempted: set[str] = set()
    with store.held(), ExitStack() as in_the_end:
        found = prepared.blueprint.read(store)  # another run may have ended since `prepare` looked
        store.keep_study(study, prepared.blueprint.num_train_examples)
        keep_data_reports(store.folder, prepared.data)
        while True:
            results = found.results
            stages = prepared.blueprint.stages(results)
            reading = found.reading.with_labels(stages.trials, results)
            store.keep_reading(reading)
            if stages.kept is not None:
                keep_plan(store.folder, stages.kept)
            stage, pending = _next(stages, results, retry, attempted)
            TrainingStates(store.folder).keep_only(stages.resumable(results))
            if on_plan is not None:
                on_plan(stages, results)
            if stage is None:
                break
            attempted |= {trial.id for trial in pending}
            pending = _without_unavailable(pending, prepared.unavailable, store)
            if runs is None:  # what is finished already asks no device for its memory
                runs = executor()(store, time_limit_seconds=study.time_limit_seconds)
                in_the_end.callback(getattr(runs, "close", lambda: None))
            runs.run(pending, watcher, alone=stage.alone)
            found = FolderRecords(reading, store.records(reading))
    return _in_order(found, stages, store.folder)


def _in_order(found: FolderRecords, stages: Stages, folder: str | Path) -> Records:
    """Return the latest record of each trial, in the plan's order and by the plan's labels."""
    latest = {record.trial.id: record for record in found.records}
    rows = [(trial, latest[trial.id]) for trial in stages.trials if trial.id in latest]
    return Records((relabelled(record, trial.method.label) for trial, record in rows), folder)


def _packing(
    pack: int | str, first_seed: int, jobs: int | None, on_packing: Callable[[str], None] | None
) -> Packing | None:  # fmt: skip
    """Return which trials are trained in one pass, None for none."""
    chosen = pack_from(str(pack))
    say = on_packing or say_nothing
    if isinstance(chosen, int):
        return Packing(chosen, first_seed, say=say) if chosen > 1 else None

    from paretune.execute.pack_size import PackSizes
    from paretune.models.devices import visible_devices
    from paretune.models.free_memory import free_bytes

    devices = visible_devices()
    free = free_bytes(devices[0] if devices else None)
    sharing = 1 if jobs is None else -(-jobs // max(1, len(devices)))
    sizes = PackSizes(None if free is None else free // sharing, "cuda" if devices else "cpu", on_chosen=say)
    return Packing(sizes.size, first_seed, only_where_it_pays=True, say=say)


def _on_this_machine(
    jobs: int | None,
    threads: int | None,
    packing: Callable[[], Packing | None],
    say: Callable[[str], None] | None,
    *,
    share_devices: bool,
) -> ExecutorFactory:
    """Return what makes the executor of this machine."""
    makes = partial(LocalExecutor, threads=threads, share_devices=share_devices, packing=packing())
    if jobs is not None:
        return partial(makes, jobs=jobs)

    from paretune.execute.device_memory import memory_of
    from paretune.models.devices import visible_devices

    return partial(makes, jobs=None, memory=memory_of(visible_devices(), say or say_nothing))


def _next(
    stages: Stages, results: Mapping[str, Record], retry: bool, attempted: Collection[str]
) -> tuple[Stage | None, list[Trial]]:
    """Return the first stage with trials to run, and those. What was cancelled waits for the next call."""
    for stage in stages.stages:
        pending = pending_trials(stage.trials, results, retry=retry) if stage.decided else []
        fresh = [trial for trial in pending if trial.id not in attempted]
        if fresh:
            return stage, fresh
    return None, []


def _without_unavailable(trials: Sequence[Trial], unavailable: Mapping[str, str], store: Store) -> list[Trial]:
    """Record the trials of methods that cannot run here as refused, and return the others."""
    possible = []
    for trial in trials:
        reason = unavailable.get(trial.method.label)
        if reason is None:
            possible.append(trial)
        else:
            store.append(bare_record(trial, store.next_attempt(trial.id), Refused(message=reason)), None)
    return possible
