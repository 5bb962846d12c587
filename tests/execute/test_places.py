"""Where a trial may start: accelerators and their memory are made up here."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from paretune.execute.device_memory import CONTEXT_BYTES, memory_of, predicted_bytes
from paretune.execute.places import DeviceMemory, Place, Places
from paretune.execute.plan import plan
from paretune.spec import Study, Trial
from tests.records import make_record

GB = 1_000_000_000


class Running(NamedTuple):
    trials: tuple[Trial, ...]
    device: str | None


@pytest.fixture(autouse=True)
def _cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 64)


def tuning(method: str = "lora", seed: int = 0) -> Trial:
    return make_record(method, seed=seed).trial.model_copy(update={"split": "validation"})


def memory(free: int | None, said: list[str] | None = None) -> DeviceMemory:
    """Accelerators with so much free, on which LoRA takes 4 GB, OFT 6 GB, and IA3 nobody knows how much."""

    def predict(trial: Trial) -> int:
        return {"lora": 4 * GB, "oft": 6 * GB}[trial.method.name]

    heard: list[str] = [] if said is None else said
    return DeviceMemory(("0", "1"), predict, lambda _: free, heard.append)


def started(found: Places, trials: Sequence[Trial], *, alone: bool = False) -> list[str | None]:
    """Start trials in their order as long as there is a place, and return the devices."""
    running: list[Running] = []
    for trial in trials:
        place = found.next([trial], running, alone=alone)
        if place is None:
            break
        running.append(Running((trial,), place.device))
    return [one.device for one in running]


def test_without_accelerators_trials_share_the_processor() -> None:
    trials = [tuning(seed=seed) for seed in range(5)]
    assert started(Places((), 3), trials) == [None] * 3
    assert started(Places((), 3), trials, alone=True) == [None]
    assert started(Places((), None), trials) == [None]


def test_trials_that_must_be_alone_run_side_by_side_on_accelerators_of_their_own() -> None:
    trials = [make_record(seed=seed).trial for seed in range(5)]
    assert started(Places(("0", "1", "2"), None), trials, alone=True) == ["0", "1", "2"]
    assert started(Places(("0", "1", "2"), 2), trials, alone=True) == ["0", "1"]
    shared = Places(("0", "1"), 8, share_devices=True)
    assert started(shared, trials, alone=True) == ["0", "1"]
    assert started(shared, trials) == ["0", "1", "0", "1", "0"]


def test_a_sharded_trial_has_all_its_devices_and_runs_by_itself() -> None:
    trial = make_record(recipe={"batch_size": 4, "sharding": {"devices": 2}}).trial
    found = Places(("5", "6", "7"), 1)
    assert found.next([trial], [], alone=False) == Place("5,6")
    assert found.next([trial], [Running((tuning(),), "7")], alone=True) is None
    assert Places((), 1).next([trial], [], alone=False) == Place(None)


def test_no_more_run_alone_than_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert started(Places(("0", "1", "2"), None), [tuning(seed=s) for s in range(3)], alone=True) == ["0", "1"]


def test_tuning_trials_share_an_accelerator_as_far_as_memory_allows() -> None:
    trials = [tuning(seed=seed) for seed in range(9)]
    # Of 10 GB 9 are used: two of 4 GB.
    assert started(Places(("0", "1"), None, memory=memory(10 * GB)), trials) == ["0", "1", "0", "1"]
    assert started(Places(("0", "1"), None, memory=memory(3 * GB)), trials) == ["0", "1"]
    assert started(Places(("0", "1"), None), trials) == ["0", "1"]


def test_free_memory_is_asked_once_and_before_anything_runs() -> None:
    asked: list[str] = []

    def ask(device: str) -> int:
        asked.append(device)
        return 10 * GB

    known = DeviceMemory(("0", "1"), lambda _: 4 * GB, ask)
    found = Places(("0", "1"), None, memory=known)
    found.next([tuning()], [], alone=True)
    assert not asked
    found.next([tuning()], [], alone=False)
    assert sorted(asked) == ["0", "1"]
    assert started(found, [tuning(seed=seed) for seed in range(9)]) == ["0", "1", "0", "1"]
    assert len(asked) == 2


def test_one_that_does_not_fit_with_the_others_waits() -> None:
    trials = [tuning(), tuning(), tuning("oft"), tuning()]
    found = Places(("0", "1"), None, memory=memory(10 * GB))
    assert started(found, trials) == ["0", "1"]
    running = [Running((trials[0],), "0")]
    assert found.next([trials[2]], running, alone=False) == Place("1")


def test_results_share_nothing_unless_they_may() -> None:
    trials = [make_record(seed=seed).trial for seed in range(4)]
    assert started(Places(("0",), None, memory=memory(100 * GB)), trials) == ["0"]
    assert started(Places(("0",), None, share_devices=True, memory=memory(100 * GB)), trials) == ["0"] * 4
    mixed = [tuning(), trials[0]]
    assert started(Places(("0",), None, memory=memory(100 * GB)), mixed) == ["0"]


def test_trials_of_one_pass_share_with_no_others() -> None:
    found = Places(("0",), None, memory=memory(100 * GB))
    pack = (tuning(seed=1), tuning(seed=2))
    assert found.next(pack, [Running((tuning(),), "0")], alone=False) is None
    assert found.next([tuning()], [Running(pack, "0")], alone=False) is None


def test_what_is_not_known_shares_nothing_and_is_said_once() -> None:
    said: list[str] = []
    found = Places(("0",), None, memory=memory(100 * GB, said))
    assert started(found, [tuning("lora"), tuning("lora"), tuning("ia3"), tuning("ia3")]) == ["0", "0"]
    assert started(found, [tuning("ia3"), tuning("ia3")]) == ["0"]
    assert said == [
        "lora: 4.00 GB of an accelerator predicted for each trial",
        "ia3: shares no accelerator: memory could not be predicted ('ia3')",
    ]
    assert started(Places(("0",), None, memory=memory(None)), [tuning(), tuning()]) == ["0"]


def test_the_prediction_is_that_of_training_and_the_process(toy_study: Callable[..., Study]) -> None:
    (trial,) = plan(toy_study(methods=["lora"], seeds=[0]))
    assert CONTEXT_BYTES < predicted_bytes(trial) < CONTEXT_BYTES + 10**8
    assert memory_of((), print) is None
    assert memory_of(("mps",), print) is None
    assert memory_of(("0",), print) is not None
