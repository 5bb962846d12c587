"""A training that an earlier trial has begun is resumed, and nothing that a record holds changes by it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from paretune.execute import resuming
from paretune.execute.executor import Finished
from paretune.execute.plan import plan
from paretune.execute.resuming import FromTheStart, Resuming, StoredTrainings, may_resume
from paretune.execute.run import Silent, run
from paretune.execute.trial import run_trial
from paretune.kinds import kind_named
from paretune.methods import build
from paretune.methods.peft import Peft
from paretune.spec import Phase, Record, Study, Trial
from paretune.store import Records, training_states
from paretune.store.training_states import TrainingStates
from tests.execute.measured import measured
from tests.execute.stand_in import Deaf

Build = Callable[..., Study]
STEPS = 6
HERE = {"device": "this one"}
KINDS: dict[str, dict[str, Any]] = {
    "encoder": {
        "max_length": 100,
        "base_model": "toy:bert",
        "tasks": [{"name": "sentiment", "options": {"train_size": 64, "validation_size": 8, "test_size": 8}}],
    },
    "image-text": {
        "base_model": "toy:idefics3",
        "tasks": [{"name": "visual_questions", "options": {"train_size": 32, "validation_size": 4, "test_size": 4}}],
    },
}
"""Studies of other kinds of model than language models. Image models: tests/images/test_resumed_images.py."""


def run_with(found_in: Resuming, trial: Trial, folder: Path) -> Finished:
    return run_trial(trial, folder, attempt=1, concurrent_workers=1, listener=Deaf(), resuming=found_in)


def stored(folder: Path, *, at_once: int = 1, environment: dict[str, str] = HERE) -> StoredTrainings:
    folder.mkdir(exist_ok=True)
    return StoredTrainings(folder, environment, at_once)


def in_parts(trial: Trial) -> list[Trial]:
    """Return the tuning trial of a third of the steps, the one of all steps, and the final trial itself."""
    tuning = trial.model_copy(update={"split": "validation", "measures": ()})
    early = tuning.model_copy(update={"recipe": tuning.recipe.model_copy(update={"stop_after": STEPS // 3})})
    return [early, tuning, trial]


def one_trial(toy_study: Build, method: Any = "lora", *, max_length: int = 512, **changes: Any) -> Trial:
    recipe = {"steps": STEPS, "batch_size": 4, "gradient_accumulation": 2, "max_length": max_length}
    [trial] = plan(toy_study(methods=[method], recipe=recipe, **changes))
    return trial


DROPOUT = {"name": "lora", "parameters": {"lora_dropout": 0.2}}


@pytest.mark.parametrize("method", ["lora", DROPOUT, "full", "eva", "adalora"], ids=str)
def test_records_say_what_trials_from_the_first_step_say(toy_study: Build, tmp_path: Path, method: Any) -> None:
    found = []
    for trial in in_parts(one_trial(toy_study, method)):
        alone = run_with(FromTheStart(), trial, tmp_path / "alone" / trial.id)
        resumed = run_with(stored(tmp_path / "results"), trial, tmp_path / "resumed" / trial.id)
        found.append(resumed.record.resumed_at)
        assert alone.record.outcome.kind == "ok"
        assert measured(resumed) == measured(alone)
        assert len(resumed.record.step_seconds) == trial.recipe.trained_steps
    assert found == ([0, 0, 0] if method == "adalora" else [0, 2, 6])


def test_clocks_of_steps_are_taken_over_and_phases_are_the_trials_own(toy_study: Build, tmp_path: Path) -> None:
    early, tuning, final = (
        run_with(stored(tmp_path / "results"), trial, tmp_path / trial.id).record
        for trial in in_parts(one_trial(toy_study))
    )
    assert tuning.step_seconds[:2] == early.step_seconds
    assert final.step_seconds == tuning.step_seconds
    assert final.metrics["train_seconds"] == pytest.approx(sum(tuning.step_seconds))
    assert final.metrics["validation_loss"] == tuning.metrics["validation_loss"]
    assert Phase.VALIDATE not in {reading.phase for reading in final.phases}
    own = next(reading.seconds for reading in tuning.phases if reading.phase == "train")
    assert sum(tuning.step_seconds[2:]) < own


def resumed_at(found_in: Resuming, trial: Trial, folder: Path) -> int:
    return run_with(found_in, trial, folder).record.resumed_at


def test_a_final_trial_takes_no_clock_over_that_ran_with_others(toy_study: Build, tmp_path: Path) -> None:
    early, tuning, final = in_parts(one_trial(toy_study))
    assert resumed_at(stored(tmp_path / "results", at_once=2), early, tmp_path / "1") == 0
    second = run_with(stored(tmp_path / "results"), tuning, tmp_path / "2").record
    assert second.resumed_at == 2
    assert second.provenance is not None
    assert second.provenance.concurrent_workers == 2
    assert resumed_at(stored(tmp_path / "results"), final, tmp_path / "3") == 0


def test_only_the_same_training_in_the_same_environment_is_resumed(toy_study: Build, tmp_path: Path) -> None:
    early, tuning, _ = in_parts(one_trial(toy_study))
    results, folder = tmp_path / "results", tmp_path / "checkpoint"
    run_with(stored(results), early, folder)
    for changes in ({"seed": 1}, {"learning_rate": 1e-5}):
        assert stored(results).find(tuning.model_copy(update=changes)) is None
    assert stored(results, environment={"device": "another"}).find(tuning) is None
    longer = tuning.recipe.model_copy(update={"steps": 7})
    assert stored(results).find(tuning.model_copy(update={"recipe": longer})) is None
    shorter = early.model_copy(update={"recipe": early.recipe.model_copy(update={"stop_after": 1})})
    assert stored(results).find(shorter) is None
    assert stored(results).find(tuning) is not None


def test_what_cannot_be_read_is_trained_from_the_first_step(toy_study: Build, tmp_path: Path) -> None:
    early, tuning, _ = in_parts(one_trial(toy_study))
    run_with(stored(tmp_path / "results"), early, tmp_path / "checkpoint")
    [file] = (tmp_path / "results" / "training_states").iterdir()
    whole = file.read_bytes()
    lacks_something = whole.replace(b"most_at_once", b"most_at_twos")
    for broken in (whole[: len(whole) // 2], b"", b"\xff" * 40, whole[:8] + b"[" * 100, lacks_something):
        file.write_bytes(broken)
        assert stored(tmp_path / "results").find(tuning) is None
    file.write_bytes(whole)
    assert stored(tmp_path / "results").find(tuning) is not None


def test_a_state_that_the_disk_has_no_room_to_spare_for_is_not_kept(
    toy_study: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_states, "MOST_OF_FREE_SPACE", 1e-12)
    early, tuning, _ = in_parts(one_trial(toy_study))
    assert run_with(stored(tmp_path / "results"), early, tmp_path / "1").record.outcome.kind == "ok"
    assert [*(tmp_path / "results" / "training_states").iterdir()] == []
    assert resumed_at(stored(tmp_path / "results"), tuning, tmp_path / "2") == 0


def test_a_state_that_cannot_be_written_costs_no_trial(
    toy_study: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half of it")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(resuming, "save_file", full)
    early, _, _ = in_parts(one_trial(toy_study))
    record = run_with(stored(tmp_path / "results"), early, tmp_path / "1").record
    assert record.outcome.kind == "ok"
    assert "could not be written, so later trials train these steps again" in record.notes[-1]
    assert [*(tmp_path / "results" / "training_states").iterdir()] == []


def test_a_method_is_asked_whether_its_training_can_be_resumed(
    toy_study: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Peft, "resumes", False)
    early, _, _ = in_parts(one_trial(toy_study))
    run_with(stored(tmp_path / "results"), early, tmp_path / "1")
    assert not (tmp_path / "results" / "training_states").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_goes_on_where_it_stopped(toy_study: Build, tmp_path: Path, kind: str) -> None:
    found = []
    for trial in in_parts(one_trial(toy_study, **KINDS[kind])):
        alone = run_with(FromTheStart(), trial, tmp_path / "alone" / trial.id)
        resumed = run_with(stored(tmp_path / "results"), trial, tmp_path / "resumed" / trial.id)
        found.append(resumed.record.resumed_at)
        assert alone.record.outcome.kind == "ok"
        assert measured(resumed) == measured(alone)
    assert found == [0, 2, 6]


def halved(toy_study: Build, *methods: str) -> Study:
    return toy_study(
        methods=methods,
        seeds=[0, 1, 2],
        tuning={"rates": 3, "max_widenings": 0, "halving": {"after": [0.3, 0.5], "keep": 0.6}},
        recipe={"steps": STEPS, "batch_size": 4},
    )


def in_order(records: Records) -> list[tuple[str, str, int | None, int, int]]:
    """Return method, split, point of comparison, seed and the step that was gone on from, of each trial."""
    return [
        (one.trial.method.label, one.trial.split, one.trial.recipe.stop_after, one.trial.seed, one.resumed_at)
        for one in records
    ]


LORA_RESUMED = [
    *[("lora", "validation", 2, 0, 0)] * 3,
    *[("lora", "validation", 3, 0, 2)] * 2,
    *[("lora", "validation", None, 0, 3)] * 2,
    ("lora", "test", None, 0, 6),
    ("lora", "test", None, 1, 0),
    ("lora", "test", None, 2, 0),
]


@pytest.mark.usefixtures("kept_fork_servers")
def test_a_study_trains_no_step_twice_and_says_what_it_says_without(
    toy_study: Build, folder: Path, tmp_path: Path
) -> None:
    records = run(halved(toy_study, "lora", "adalora"), folder, threads=torch.get_num_threads())
    assert [one for one in in_order(records) if one[0] == "lora"] == LORA_RESUMED
    assert {one[4] for one in in_order(records) if one[0] != "lora"} == {0}
    assert not (folder / "training_states").exists()
    for record in records:
        alone = run_with(FromTheStart(), record.trial, tmp_path / record.trial_id)
        assert record.train_losses == alone.record.train_losses
        for name in ("validation_loss", "accuracy", "forgetting", "train_peak_bytes", "answer_peak_bytes"):
            assert record.metrics.get(name) == alone.record.metrics.get(name)


class _Stopping(Silent):
    """Stops the run, as Ctrl-C does, when so many trials have ended."""

    def __init__(self, number: int) -> None:
        self._left = number

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


@pytest.mark.usefixtures("kept_fork_servers")
def test_an_interrupted_study_goes_on_from_where_trainings_stopped(toy_study: Build, folder: Path) -> None:
    study = halved(toy_study, "lora")
    for number in (2, 2, 2):
        with pytest.raises(KeyboardInterrupt):
            run(study, folder, watcher=_Stopping(number))
    assert any((folder / "training_states").iterdir())
    assert in_order(run(study, folder)) == LORA_RESUMED
    assert not (folder / "training_states").exists()


@pytest.mark.usefixtures("kept_fork_servers")
def test_where_two_trials_run_at_once_final_trials_train_themselves(toy_study: Build, folder: Path) -> None:
    found = in_order(run(halved(toy_study, "lora"), folder, jobs=2))
    assert [one[4] for one in found] == [0, 0, 0, 2, 2, 3, 3, 0, 0, 0]


def test_a_state_that_does_not_fit_is_trained_from_the_first_step(
    toy_study: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, tuning, _ = in_parts(one_trial(toy_study))
    run_with(stored(tmp_path / "results"), early, tmp_path / "1")
    monkeypatch.setattr("paretune.execute.trial.restore", _does_not_fit)
    record = run_with(stored(tmp_path / "results"), tuning, tmp_path / "2").record
    assert (record.outcome.kind, record.resumed_at, len(record.train_losses)) == ("ok", 0, STEPS)
    assert "does not fit: other parameters" in record.notes[-1]


def _does_not_fit(*_: object) -> None:
    raise ValueError("other parameters are trained")


def test_a_state_that_went_further_stays(toy_study: Build, tmp_path: Path) -> None:
    early, tuning, _ = in_parts(one_trial(toy_study))
    run_with(stored(tmp_path / "results"), tuning, tmp_path / "1")
    run_with(stored(tmp_path / "results"), early, tmp_path / "2")
    assert TrainingStates(tmp_path / "results").num_steps(tuning) == STEPS


def test_compiled_models_train_from_the_first_step(toy_study: Build) -> None:
    trial = one_trial(toy_study)
    kind, method = kind_named(trial.model_kind), build(trial.method)
    assert may_resume(kind, method, trial.recipe)
    assert not may_resume(kind, method, trial.recipe.model_copy(update={"compile": True}))

    class Theirs(type(method)):  # type: ignore[misc]
        pass

    assert not may_resume(kind, Theirs(trial.method), trial.recipe)


def test_states_that_no_trial_to_come_can_use_are_removed(toy_study: Build, tmp_path: Path) -> None:
    states = TrainingStates(tmp_path)
    trials = [one_trial(toy_study).model_copy(update={"seed": seed}) for seed in range(3)]
    assert states.has_room(trials[0], 1)
    for trial in trials:
        states.file(trial).write_bytes(b"state")
    folder = tmp_path / "training_states"
    (folder / f".{states.file(trials[0]).name}.7.tmp").write_bytes(b"of a trial that was killed")
    somebodys = [folder / "train.jsonl", folder / "adapter.safetensors", folder / "more"]
    for path in somebodys[:2]:
        path.write_bytes(b"not ours")
    somebodys[2].mkdir()
    states.keep_only(trials[1:2])
    assert sorted(folder.iterdir()) == sorted([states.file(trials[1]), *somebodys])
    states.keep_only([])
    assert sorted(folder.iterdir()) == sorted(somebodys)
    for path in somebodys:
        path.unlink() if path.is_file() else path.rmdir()
    states.keep_only([])
    assert not folder.exists()
    states.keep_only([])
