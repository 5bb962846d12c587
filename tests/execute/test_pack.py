"""Trials that are trained in one pass leave the records that they leave alone, without clocks and peaks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from paretune.engine.packing import NotPackable
from paretune.execute.executor import Attempt, Finished
from paretune.execute.grouping import may_be_packed, packs_of
from paretune.execute.pack import run_pack
from paretune.execute.plan import plan
from paretune.execute.trial import run_trial
from paretune.spec import Phase, Record, Study, Trial
from paretune.spec.metrics import CLOCKS_AND_PEAKS
from paretune.store import Store
from tests.methods.real_path import Silent

Build = Callable[..., Study]


@pytest.fixture
def trials(toy_study: Build) -> list[Trial]:
    """Return two seeds of LoRA."""
    return plan(toy_study(methods=["lora"], seeds=[0, 1]))


def packed(trials: list[Trial], folder: Path) -> dict[str, Finished]:
    attempts = [Attempt(trial, folder / trial.id, 2) for trial in trials]
    found = run_pack(attempts, concurrent_workers=1, listener=Silent())
    return {finished.record.trial_id: finished for finished in found}


def test_records_say_what_they_were_trained_with_and_have_no_clocks(trials: list[Trial], tmp_path: Path) -> None:
    found = packed(trials, tmp_path / "together")
    store = Store(tmp_path / "store")
    for trial, other in (trials, trials[::-1]):
        record, items, _ = found[trial.id]
        alone, alone_items, _ = run_trial(
            trial, tmp_path / "alone" / trial.id, attempt=1, concurrent_workers=1, listener=Silent()
        )
        assert record.outcome.kind == "ok", record.outcome
        assert record.packed_with == (other.id,)
        assert record.step_seconds == ()
        assert alone.metrics.keys() - record.metrics.keys() == CLOCKS_AND_PEAKS
        assert record.metrics == pytest.approx(
            {name: alone.metrics[name] for name in record.metrics}, rel=1e-5, abs=1e-6
        )
        assert record.train_losses == pytest.approx(alone.train_losses, rel=1e-6)
        assert record.text_loss_changes == pytest.approx(alone.text_loss_changes, rel=1e-3, abs=1e-6)
        assert items == alone_items
        assert (record.trial, record.audit, record.num_left_out) == (alone.trial, alone.audit, alone.num_left_out)
        assert all(reading.peak_bytes is None for reading in record.phases)
        assert {Phase.LOAD, Phase.TRAIN, Phase.TEST} <= {reading.phase for reading in record.phases}
        assert sorted(file.name for file in (tmp_path / "together" / trial.id).iterdir()) == sorted(
            file.name for file in (tmp_path / "alone" / trial.id).iterdir()
        )
        store.append(record, items)
        assert store.attempt(trial.id, 2) == record


def test_one_that_diverges_ends_first_and_the_others_are_evaluated(toy_study: Build, tmp_path: Path) -> None:
    recipe = {"steps": 6, "batch_size": 4, "optimizer": "sgd", "max_grad_norm": float("inf"), "warmup_ratio": 0}
    trials = plan(toy_study(methods=["lora"], learning_rates=[1e-3, 1e30], recipe=recipe))
    found = list(packed(trials, tmp_path).values())
    assert [one.record.outcome.kind for one in found] == ["diverged", "ok"]
    assert found[0].record.trial.learning_rate == 1e30
    assert found[0].items is None
    assert found[1].items


def test_what_cannot_be_trained_in_one_pass_leaves_nothing(toy_study: Build, tmp_path: Path) -> None:
    with pytest.raises(NotPackable, match="weights of the base model"):
        packed(plan(toy_study(methods=["full"], seeds=[0, 1])), tmp_path)
    other = plan(toy_study(methods=["lora", "ia3"]))
    assert not may_be_packed(*other)
    with pytest.raises(NotPackable, match="more than learning rate and seed"):
        packed(other, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_trials_are_packed_with_those_that_differ_in_rate_and_seed(toy_study: Build) -> None:
    trials = plan(toy_study(methods=["base", "lora", "ia3"], seeds=[0, 1, 2], learning_rates=[1e-3, 1e-2]))
    packs = packs_of(trials, 4)
    assert sorted(trial.id for pack in packs for trial in pack) == sorted(trial.id for trial in trials)
    assert [(pack[0].method.label, len(pack)) for pack in packs] == [
        ("base", 1), ("lora", 4), ("ia3", 4), ("lora", 2), ("ia3", 2),
    ]  # fmt: skip
    assert all(may_be_packed(pack[0], trial) for pack in packs[1:] for trial in pack)
    assert packs_of(trials, 1) == [(trial,) for trial in trials]


def test_a_record_with_companions_and_a_clock_is_refused(trials: list[Trial], tmp_path: Path) -> None:
    record = run_trial(trials[0], tmp_path, attempt=1, concurrent_workers=1, listener=Silent()).record
    with pytest.raises(ValueError, match="answer_peak_bytes"):
        Record.model_validate(record.model_dump() | {"packed_with": [trials[1].id]})
    assert "packed_with" not in record.model_dump_json()
