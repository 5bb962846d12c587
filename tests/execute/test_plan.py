from collections.abc import Callable
from pathlib import Path

import pytest

from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.spec import Direction, InputError, Metric, Study
from paretune.tasks.metrics.registry import OWN
from paretune.tasks.metrics.words import TokenF1

Build = Callable[..., Study]


def test_every_cell_is_there_once(toy_study: Build) -> None:
    trials = plan(toy_study(methods=["base", "lora", "oft"], seeds=[0, 1], learning_rates=[1e-3, 1e-2]))
    cells = [(trial.method.label, trial.seed, trial.learning_rate) for trial in trials]
    trained = [(name, seed, rate) for seed in (0, 1) for name in ("lora", "oft") for rate in (1e-3, 1e-2)]
    assert cells == [("base", 0, None), *trained]
    assert len({trial.id for trial in trials}) == len(trials)


@pytest.mark.parametrize("methods", [["base"], ["base", "lora"]])
def test_a_seed_that_is_named_twice_is_told_so(toy_study: Build, methods: list[str]) -> None:
    with pytest.raises(InputError, match="seed 1 is named twice: leave one of them out"):
        plan(toy_study(methods=methods, seeds=[1, 0, 1]))


def test_a_method_starts_from_its_prior_unless_told_otherwise(toy_study: Build) -> None:
    study = toy_study(methods=["lora", "ia3", {"name": "oft", "learning_rate": 0.5}])
    lora, ia3, oft = plan(study)
    assert lora.learning_rate is not None
    assert ia3.learning_rate is not None
    assert lora.learning_rate < ia3.learning_rate
    assert oft.learning_rate == 0.5


def test_a_departure_from_the_recipe_belongs_to_one_method(toy_study: Build) -> None:
    study = toy_study(methods=["lora", {"name": "lora", "label": "lora, long", "recipe": {"steps": 9}}])
    assert [trial.recipe.steps for trial in plan(study)] == [4, 9]


def test_order_of_the_study_decides_the_plan_and_ids_do_not_depend_on_it(toy_study: Build) -> None:
    forth = {trial.id for trial in plan(toy_study(methods=["base", "lora", "oft"]))}
    back = {trial.id for trial in plan(toy_study(methods=["oft", "lora", "base"]))}
    assert forth == back


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"methods": ["loraa"]}, ['"loraa"', '"lora"']),
        ({"tasks": ["word_problem"]}, ["word_problem", "word_problems"]),
        ({"tasks": [{"name": "word_problems", "options": {"train_siz": 3}}]}, ["train_siz", "train_size"]),
        ({"base_model": "toyllama"}, ["toyllama"]),
        ({"methods": [{"name": "lora", "recipe": {"steps": 0}}]}, ["lora", "steps"]),
    ],
)
def test_what_does_not_exist_is_named(toy_study: Build, change: dict[str, object], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        plan(toy_study(**change))
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"rank": 8}, ["rank"]),
        ({"target_modules": ["q_prj"]}, ["q_prj", "q_proj"]),
    ],
)
def test_parameters_and_modules_are_checked_before_training(
    toy_study: Build, parameters: dict[str, object], words: list[str]
) -> None:
    trials = plan(toy_study(methods=[{"name": "lora", "parameters": parameters}]))
    with pytest.raises(InputError) as caught:
        check_trials(trials)
    for word in words:
        assert word in str(caught.value)


def test_general_text_of_ones_own_is_part_of_the_trial_and_fixed_by_its_content(
    toy_study: Build, tmp_path: Path
) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("One line of text.\nAnother line.\n")
    study = toy_study(methods=["base"], general_text={"source": str(path), "num_texts": 2})
    (trial,) = plan(study)
    assert trial.general_text is not None
    assert trial.general_text.content_hash is not None
    assert trial.id != plan(toy_study(methods=["base"]))[0].id
    path.write_text("One line of text.\nQuite another line.\n")
    assert plan(study)[0].id != trial.id


def test_hardware_that_is_not_there_is_refused_before_anything_runs(
    toy_study: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    trials = plan(toy_study(recipe={"steps": 4, "attention": "flash_attention_2"}))
    with pytest.raises(InputError, match='attention = "flash_attention_2" needs a CUDA GPU'):
        check_trials(trials)


def test_two_metrics_of_one_name_that_mean_different_things_are_refused(
    toy_study: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Errors(TokenF1):
        metrics = (Metric(name="f1", label="Errors", direction=Direction.LOWER, low=0, definition="Of tests."),)

    monkeypatch.setitem(OWN, "errors", Errors)
    tasks = []
    for name in ("f1", "errors"):
        path = tmp_path / f"{name}.csv"
        path.write_text("question,answer\n" + "".join(f"{name} {n},{n}\n" for n in range(40)), "utf-8")
        tasks.append({"name": "own_data", "options": {"path": str(path), "metric": name}})
    with pytest.raises(InputError, match='both score "f1" and mean different things by it'):
        plan(toy_study(tasks=tasks))
