"""What trials would find alike is found out once, and nothing that a record holds changes by it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paretune.execute.executor import Finished
from paretune.execute.plan import plan
from paretune.execute.trial import run_trial
from paretune.kinds import language
from paretune.measure import environment, text_losses
from paretune.methods import build, resolve
from paretune.plugins import is_ours
from paretune.spec import MethodEntry, Phase, Study, Trial
from paretune.store import NOTHING_SHARED, SharedValues, Store, StoredValues
from tests.execute.measured import measured
from tests.execute.stand_in import Deaf

Build = Callable[..., Study]


@pytest.fixture
def shared(tmp_path: Path) -> StoredValues:
    tmp_path.joinpath("results").mkdir()
    return StoredValues(tmp_path / "results", environment())


def run_with(shared: SharedValues, trial: Trial, folder: Path) -> Finished:
    return run_trial(trial, folder, attempt=1, concurrent_workers=1, listener=Deaf(), shared=shared)


def test_records_say_what_trials_that_stand_alone_say(toy_study: Build, shared: StoredValues, tmp_path: Path) -> None:
    for trial in plan(toy_study(methods=["base", "lora", "adalora"], seeds=[0, 1])):
        alone = run_with(NOTHING_SHARED, trial, tmp_path / "alone" / trial.id)
        together = run_with(shared, trial, tmp_path / "together" / trial.id)
        assert alone.record.outcome.kind == "ok"
        assert measured(together) == measured(alone)
    kept = [json.loads(file.read_text())["what"] for file in (tmp_path / "results" / "shared").iterdir()]
    answering = ["the most bytes that answering holds"] * 3  # AdaLoRA keeps other ranks with another seed
    assert sorted(kept) == [language.BASE_LOSSES, *answering, *["the most bytes that training holds"] * 2]


def test_the_base_model_reads_general_text_once(
    toy_study: Build, shared: StoredValues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def reading(model: Any, *rest: Any, **settings: Any) -> tuple[float, ...]:
        read.append(type(model).__name__)
        return text_losses(model, *rest, **settings)

    monkeypatch.setattr(language, "text_losses", reading)
    for trial in plan(toy_study(methods=["lora"], seeds=[0, 1, 2])):
        run_with(shared, trial, tmp_path / trial.id)
    assert read == ["LlamaForCausalLM", *["PeftModelForCausalLM"] * 3]


def test_the_untouched_base_model_reads_general_text_no_second_time(
    toy_study: Build, shared: StoredValues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[float, ...]] = []

    def reading(model: Any, *rest: Any, **settings: Any) -> tuple[float, ...]:
        read.append(text_losses(model, *rest, **settings))
        assert text_losses(model, *rest, **settings) == read[-1]  # what is left out would have found the same
        return read[-1]

    monkeypatch.setattr(language, "text_losses", reading)
    few_shot = MethodEntry(name="base", label="few-shot", parameters={"shots": 1})
    found = [run_with(shared, trial, tmp_path / trial.id) for trial in plan(toy_study(methods=["base", few_shot]))]
    assert len(read) == 1
    for finished in found:
        assert finished.record.text_loss_changes == (0.0,) * len(read[0])
        assert finished.record.metrics["forgetting"] == 0.0


def test_a_method_that_starts_from_data_is_counted_for_every_seed(
    toy_study: Build, shared: StoredValues, tmp_path: Path
) -> None:
    for trial in plan(toy_study(methods=["eva"], seeds=[0, 1])):
        record = run_with(shared, trial, tmp_path / trial.id).record
        assert record.outcome.kind == "ok"
        assert Phase.MEASURE in {reading.phase for reading in record.phases}
    kept = [json.loads(file.read_text())["what"] for file in (tmp_path / "results" / "shared").iterdir()]
    assert "the most bytes that training holds" not in kept


def test_of_another_package_s_method_nothing_is_taken_for_granted() -> None:
    ours = build(resolve(MethodEntry(name="lora")))

    class Theirs(type(ours)):  # type: ignore[misc]
        pass

    assert is_ours(ours)
    assert not is_ours(Theirs(ours.spec))


def test_values_hold_for_the_same_parts_in_the_same_environment_only(tmp_path: Path) -> None:
    here = StoredValues(tmp_path, {"num_threads": 1})
    here.keep("losses", {"base_model": "a"}, [0.1, 1 / 3])
    assert here.find("losses", {"base_model": "a"}) == [0.1, 1 / 3]
    assert StoredValues(tmp_path, {"num_threads": 1}).find("losses", {"base_model": "a"}) == [0.1, 1 / 3]
    assert here.find("losses", {"base_model": "b"}) is None
    assert here.find("bytes", {"base_model": "a"}) is None
    assert StoredValues(tmp_path, {"num_threads": 2}).find("losses", {"base_model": "a"}) is None


@pytest.mark.parametrize("damage", ["", "[]", '{"what": "x"}', "nonsense"])
def test_what_a_damaged_file_held_is_found_out_again(damage: str, tmp_path: Path) -> None:
    values = StoredValues(tmp_path, {})
    values.keep("losses", {}, [1.0])
    (file,) = (tmp_path / "shared").iterdir()
    file.write_text(damage)
    assert values.find("losses", {}) is None
    values.keep("losses", {}, [1.0])
    assert values.find("losses", {}) == [1.0]


@pytest.mark.usefixtures("kept_fork_servers")
def test_workers_share_through_the_study_s_folder(toy_study: Build, folder: Path) -> None:
    from paretune.execute.run import run

    records = run(toy_study(methods=["lora"], seeds=[0, 1]), folder)
    assert [record.outcome.kind for record in records] == ["ok", "ok"]
    assert len({record.metrics["train_peak_bytes"] for record in records}) == 1
    assert len(list((folder / "shared").iterdir())) == 3
    assert len(Store(folder).records()) == 2
