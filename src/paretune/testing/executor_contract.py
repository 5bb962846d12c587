"""What every executor promises, as tests that the author of another inherits."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from paretune.execute.events import Watcher
from paretune.execute.executor import DiskFull, Executor
from paretune.execute.plan import plan
from paretune.spec import Cancelled, Phase, Record, Study, Trial
from paretune.store import Store

End = Literal["crash", "kill", "hang", "disk full"]
"""How a trial ends that does not come to its end: its process breaks down, is killed from outside, stands still, or
finds no room on the disk when it writes its record."""

_LONG_SECONDS = 3600.0


class Call(NamedTuple):
    """One call of a watcher."""

    name: str
    trial_id: str
    record: Record | None = None


class Recorder:
    """A watcher that keeps its calls, and calls `then` after each."""

    def __init__(self, then: Callable[[Call], None] | None = None) -> None:
        self.calls: list[Call] = []
        self._then = then

    def started(self, trial: Trial) -> None:
        """Keep the call."""
        self._keep(Call("started", trial.id))

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:  # noqa: ARG002 (a watcher's signature)
        """Keep the call."""
        self._keep(Call("heard", trial.id))

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:  # noqa: ARG002
        """Keep the call."""
        self._keep(Call("finished", trial.id, record))

    @property
    def most_at_once(self) -> int:
        """The most trials that had started and not yet finished."""
        running, most = 0, 0
        for call in self.calls:
            running += {"started": 1, "finished": -1}.get(call.name, 0)
            most = max(most, running)
        return most

    def _keep(self, call: Call) -> None:
        self.calls.append(call)
        if self._then is not None:
            self._then(call)


class ExecutorContract:
    """Inherit from it in a class whose name begins with `Test`, write `executor`, and let pytest find it.

    The trials are of a study on a model of two layers that is built in memory. They may be run as they are or, where
    that takes too long, leave records that are made up: what trials measure is not looked at.
    """

    jobs: ClassVar[int] = 2
    """How many trials the executors under test run at once."""
    short_limit_seconds: ClassVar[float] = 1
    """The time limit under which a trial stands still."""

    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        """Return an executor under which the trials of these ids end so, and all others run to their end."""
        raise NotImplementedError

    def test_every_trial_leaves_one_record(self, tmp_path: Path) -> None:
        """The watcher is told the record that the store then holds."""
        store, trials = Store(tmp_path / "results"), _trials()
        watcher = self._run(store, trials)
        assert _kinds(store) == {trial.id: ["ok"] for trial in trials}
        told = {call.trial_id: call.record for call in watcher.calls if call.name == "finished"}
        assert told == {trial.id: store.latest(trial.id) for trial in trials}

    def test_nothing_to_run_is_no_call(self, tmp_path: Path) -> None:
        """An empty list ends at once."""
        assert self._run(Store(tmp_path / "results"), []).calls == []

    def test_the_watcher_s_calls_come_in_order(self, tmp_path: Path) -> None:
        """Trials start in their order; each is started once, then heard, then finished once."""
        trials = _trials()
        calls = self._run(Store(tmp_path / "results"), trials).calls
        assert [call.trial_id for call in calls if call.name == "started"] == [trial.id for trial in trials]
        for trial in trials:
            names = [call.name for call in calls if call.trial_id == trial.id]
            assert names == ["started", *["heard"] * (len(names) - 2), "finished"]

    def test_no_more_run_at_once_than_may(self, tmp_path: Path) -> None:
        """The limit holds, and records do not say more trials than there were."""
        store = Store(tmp_path / "results")
        watcher = self._run(store, _trials())
        assert watcher.most_at_once <= self.jobs
        assert all(1 <= number <= watcher.most_at_once for number in _at_once(store))

    def test_trials_that_run_alone_say_so(self, tmp_path: Path) -> None:
        """A trial whose clock is a result shares its machine with no other."""
        store, trials = Store(tmp_path / "results"), _trials()[:2]
        self._run(store, trials, alone=True)
        assert _at_once(store) == [1, 1]

    def test_a_second_attempt_leaves_the_first_as_it_was(self, tmp_path: Path) -> None:
        """Records are never changed."""
        store, trials = Store(tmp_path / "results"), _trials()[:1]
        self._run(store, trials)
        first = store.attempt(trials[0].id, 1)
        self._run(store, trials)
        assert _kinds(store) == {trials[0].id: ["ok", "ok"]}
        assert store.attempt(trials[0].id, 1) == first

    def test_a_process_that_breaks_down_is_a_failure_and_the_others_go_on(self, tmp_path: Path) -> None:
        """It has a record that the executor wrote."""
        self._ends_so(tmp_path, "crash", "failed")

    def test_a_process_that_is_killed_counts_as_not_yet_run(self, tmp_path: Path) -> None:
        """Somebody else ended it, so that nothing is known of the trial."""
        self._ends_so(tmp_path, "kill", "cancelled")

    def test_a_trial_that_takes_too_long_is_stopped(self, tmp_path: Path) -> None:
        """The record says what the limit was, and the next call goes on."""
        store, trials = Store(tmp_path / "results"), _trials()
        limit = self.short_limit_seconds
        self._run(store, trials[:1], ends={trials[0].id: "hang"}, time_limit_seconds=limit)
        record = store.attempt(trials[0].id, 1)
        assert record.outcome.kind == "timed_out"
        assert record.outcome.limit_seconds == limit
        self._goes_on(store, trials)

    def test_where_the_disk_is_full_nothing_more_starts(self, tmp_path: Path) -> None:
        """What runs comes to its end, and the next call goes on with the rest."""
        store, trials = Store(tmp_path / "results"), _trials()
        watcher = Recorder()
        refused = _raised(lambda: self._run(store, trials, watcher, {trials[0].id: "disk full"}))
        assert isinstance(refused, DiskFull)
        started = [call.trial_id for call in watcher.calls if call.name == "started"]
        reported = watcher.calls.index(next(call for call in watcher.calls if _says_disk_full(call)))
        assert all(call.name != "started" for call in watcher.calls[reported:])
        assert _kinds(store) == {name: ["cancelled" if name == trials[0].id else "ok"] for name in started}
        assert store.latest(trials[0].id) is not None
        self._goes_on(store, trials)

    def test_an_interrupted_run_goes_on(self, tmp_path: Path) -> None:
        """What had not ended is cancelled or has no record; then all is run."""
        store, trials = Store(tmp_path / "results"), _trials()
        stop_at = self.jobs + 1

        def interrupt(call: Call) -> None:
            if call.name == "started" and len({one.trial_id for one in watcher.calls}) == stop_at:
                raise KeyboardInterrupt

        watcher = Recorder(interrupt)
        assert isinstance(_raised(lambda: self._run(store, trials, watcher)), KeyboardInterrupt)
        ended = {call.trial_id for call in watcher.calls if call.name == "finished"}
        kinds = _kinds(store)
        assert {name for name, found in kinds.items() if found == ["ok"]} >= ended
        assert set(kinds) <= {call.trial_id for call in watcher.calls}
        assert {kind for found in kinds.values() for kind in found} <= {"ok", "cancelled"}
        self._goes_on(store, trials)

    def _run(
        self,
        store: Store,
        trials: list[Trial],
        watcher: Recorder | None = None,
        ends: Mapping[str, End] | None = None,
        *,
        alone: bool = False,
        time_limit_seconds: float = _LONG_SECONDS,
    ) -> Recorder:
        recorder = watcher or Recorder()
        watching: Watcher = recorder
        executor = self.executor(store, jobs=self.jobs, time_limit_seconds=time_limit_seconds, ends=ends or {})
        executor.run(trials, watching, alone=alone)
        return recorder

    def _ends_so(self, folder: Path, end: End, kind: str) -> None:
        """Let the first of several trials end so."""
        store, trials = Store(folder / "results"), _trials()
        first, *others = trials
        self._run(store, trials, ends={first.id: end})
        assert _kinds(store) == {first.id: [kind], **{trial.id: ["ok"] for trial in others}}
        assert store.attempt(first.id, 1).trial == first

    def _goes_on(self, store: Store, trials: list[Trial]) -> None:
        """Run what has no result, and look whether all have one then."""
        before = _kinds(store)
        rest = [trial for trial in trials if before.get(trial.id, [])[-1:] != ["ok"]]
        self._run(store, rest)
        assert _kinds(store) == {
            trial.id: [*before.get(trial.id, []), *(["ok"] if trial in rest else [])] for trial in trials
        }


def _trials() -> list[Trial]:
    """Return the five trials of a small study."""
    value = {
        "name": "contract",
        "base_model": "toy:llama",
        "tasks": [{"name": "word_problems", "options": {"train_size": 8, "validation_size": 4, "test_size": 4}}],
        "methods": ["base", "lora", "ia3"],
        "seeds": [0, 1],
        "recipe": {"steps": 2, "batch_size": 2, "memory_steps": 1},
    }
    return plan(Study.read(value, "the contract's study"))


def _says_disk_full(call: Call) -> bool:
    outcome = call.record.outcome if call.record is not None else None
    return isinstance(outcome, Cancelled) and outcome.disk_full


def _kinds(store: Store) -> dict[str, list[str]]:
    """Return by trial id how each attempt ended, in their order."""
    found: dict[str, list[str]] = {}
    for record in store.as_written():
        attempts = range(1, record.attempt + 1)
        found[record.trial_id] = [store.attempt(record.trial_id, number).outcome.kind for number in attempts]
    return found


def _at_once(store: Store) -> list[int]:
    """Return how many trials each record says ran at once."""
    found = [record.provenance.concurrent_workers for record in store.as_written() if record.provenance]
    return [number for number in found if number is not None]


def _raised(call: Callable[[], object]) -> BaseException:
    """Return what a call raises. Raises `AssertionError` when that is nothing."""
    try:
        call()
    except (KeyboardInterrupt, DiskFull) as error:
        return error
    raise AssertionError("the run ended as though nothing had happened")
