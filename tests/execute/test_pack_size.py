"""How many trials `--pack auto` puts together, and what it says of it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from paretune.estimate.packed import PackMemory
from paretune.execute.grouping import Packing, pack_from
from paretune.execute.launch import new_interpreters
from paretune.execute.local import LocalExecutor
from paretune.execute.pack_size import LARGEST_PACK, PackSizes, predicted
from paretune.execute.plan import plan
from paretune.execute.run import Silent
from paretune.spec import CLASSIFIER, InputError, Study, TaskSpec, Trial
from paretune.store import Store
from tests.records import make_record

Build = Callable[..., Study]


@pytest.fixture
def trials(toy_study: Build) -> list[Trial]:
    return plan(toy_study(methods=["lora", "ia3"], seeds=[0, 1, 2, 3, 4]))


def gigabytes(trial: Trial, device: str) -> PackMemory:
    if trial.method.name == "ia3":
        raise ValueError("some library\ncannot do that")
    return PackMemory(2_000_000_000, 1_000_000_000)


def sizes(free: int | None, said: list[str], device: Any = "cpu") -> PackSizes:
    return PackSizes(free, device, gigabytes, said.append)


def test_as_many_as_fit_and_at_most_eight(trials: list[Trial]) -> None:
    said: list[str] = []
    # Of 10 GB 9 are used, of which a worker's libraries take 1: 2 for the base and 6 for trials.
    assert sizes(10_000_000_000, said).size(trials[0]) == 6
    assert said == ["lora: up to 6 trials in one pass: 8.00 GB predicted, 10.00 GB free"]
    assert sizes(10_000_000_000, [], "cuda").size(trials[0]) == 7
    assert sizes(10**12, []).size(trials[0]) == LARGEST_PACK
    assert sizes(10**9, said).size(trials[0]) == 1
    assert said[-1] == "lora: trained alone: 3.00 GB predicted, 1.00 GB free"


def test_what_is_not_known_is_trained_alone_and_said_once(trials: list[Trial]) -> None:
    said: list[str] = []
    chosen = sizes(10**12, said)
    packs = Packing(chosen.size, first_seed=0).packs(trials)
    assert [(pack[0].method.name, len(pack)) for pack in packs] == [
        ("lora", 1), ("ia3", 1), ("lora", 4), *[("ia3", 1)] * 4,
    ]  # fmt: skip
    assert said == [
        "lora: up to 8 trials in one pass: 10.00 GB predicted, 1000.00 GB free",
        "ia3: trained alone: memory could not be predicted (some library cannot do that)",
    ]
    assert sizes(None, said).size(trials[0]) == 1
    assert said[-1] == "lora: trained alone: free memory is not known here"


def test_a_trial_s_own_batches_are_predicted(trials: list[Trial]) -> None:
    memory = predicted(trials[0], "cpu")
    longer = trials[0].model_copy(update={"recipe": trials[0].recipe.model_copy(update={"batch_size": 8})})
    assert predicted(longer, "cpu").base_bytes == memory.base_bytes > 0
    assert memory.trial_bytes < predicted(longer, "cpu").trial_bytes < 2.5 * memory.trial_bytes


def test_kinds_that_are_not_packed_are_not_predicted() -> None:
    task = TaskSpec(name="own_labels", version="1", content_hash="0123456789abcdef", kind=CLASSIFIER)
    with pytest.raises(InputError, match="models of the kind classifier are trained alone"):
        predicted(make_record(task=task).trial, "cpu")


@pytest.mark.parametrize(("text", "expected"), [("auto", "auto"), ("1", 1), ("12", 12)])
def test_a_number_or_auto(text: str, expected: int | str) -> None:
    assert pack_from(text) == expected


@pytest.mark.parametrize("text", ["0", "-1", "many", "2.5", ""])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="neither a number of trials from 1 on nor auto"):
        pack_from(text)


def test_the_first_pack_alone_is_timed_and_what_does_not_pay_is_said_and_remembered(
    toy_study: Build, folder: Path, quick_worker: Callable[..., tuple[str, ...]]
) -> None:
    """Workers are stand-ins: they pack lora, and say of ia3 that it does not pay."""
    trials = plan(toy_study(methods=["lora", "ia3"], seeds=[1, 2, 3, 4]))
    said: list[str] = []
    packing = Packing(2, 0, only_where_it_pays=True, say=said.append)
    launching = partial(new_interpreters, command=quick_worker(module="quick_packing_worker"))
    store = Store(folder)
    executor = LocalExecutor(
        store, threads=1, devices=[], time_limit_seconds=600, launching=launching, packing=packing
    )  # fmt: skip
    executor.run(trials, Silent())
    records = {(record.trial.method.name, record.trial.seed): record for record in store.records()}
    assert len(records) == 8
    assert [len(records["lora", seed].packed_with) for seed in (1, 2, 3, 4)] == [1, 1, 1, 1]
    assert [records["lora", seed].notes for seed in (1, 3)] == [("only if faster: True",), ("only if faster: False",)]
    assert all(records["ia3", seed].packed_with == () for seed in (1, 2, 3, 4))
    assert said == ["ia3: trained alone: a step is no faster"]
    more = plan(toy_study(methods=["ia3"], seeds=[5, 6]))
    executor.run(more, Silent())
    assert len(said) == 1
    assert [record.attempt for trial in more if (record := store.latest(trial.id))] == [1, 1]
