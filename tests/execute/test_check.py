"""What is refused before the first trial, with everything that is wrong in one go."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paretune.cli.studies import RunOptions, checked, run_and_show
from paretune.execute import run as execution
from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.execute.prepare import prepare
from paretune.execute.run import run
from paretune.execute.trial import run_trial
from paretune.kinds import outline_of
from paretune.methods import method_cards, resolve
from paretune.methods.peft import config_class, parameter_kinds
from paretune.models import content, find_shape, makes_pictures, tokenizer_of
from paretune.spec import EMBEDDED_MODEL, InputError, MethodEntry, Study
from paretune.store import Store
from tests.execute.stand_in import Deaf, StandIn

Build = Callable[..., Study]

REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"name": "lora", "parameters": {"r": 0}}, ["lora", "r = 0"]),
    ({"name": "lora", "parameters": {"r": -3}}, ["lora", "r = -3"]),
    ({"name": "lora", "parameters": {"r": "x"}}, ['"r"', "'x'"]),
    ({"name": "lora", "parameters": {"lora_dropout": 2.0}}, ["lora_dropout", "2.0", "1.0"]),
    ({"name": "lokr", "parameters": {"module_dropout": 5}}, ["module_dropout", "5", "1.0"]),
    ({"name": "lora", "parameters": {"target_modules": "("}}, ["target_modules", "not a regular expression"]),
    ({"name": "lora", "parameters": {"exclude_modules": "("}}, ["exclude_modules", "not a regular expression"]),
    ({"name": "lora", "parameters": {"rank_pattern": {"q_prj": 4}}}, ["rank_pattern", '"q_prj"', '"q_proj"']),
    ({"name": "lora", "parameters": {"alpha_pattern": {"(": 4}}}, ["alpha_pattern", "not a regular expression"]),
    (
        {"name": "lora", "parameters": {"layers_to_transform": [1, 31], "target_modules": ["q_proj"]}},
        ["layers_to_transform", "31"],
    ),
    (
        {"name": "lora", "parameters": {"layers_to_transform": [-1], "target_modules": ["q_proj"]}},
        ["layers_to_transform", "-1", "counted from 0"],
    ),
    ({"name": "lora", "parameters": {"r": True}}, ["r", "true", "must be a number"]),
    (
        {"name": "lora", "parameters": {"loftq_config": {"loftq_bits": 4}}},
        ["loftq_config", "ignored"],
    ),
    ({"name": "lora", "parameters": {"eva_config": {"rho": 2.0}}}, ["eva_config", "ignored", "init_lora_weights"]),
    (
        {
            "name": "lora",
            "parameters": {"target_parameters": ["o_proj.weight", "xyz.weight"], "target_modules": ["q_proj"]},
        },
        ['"xyz.weight"'],
    ),
    ({"name": "lora", "parameters": {"target_parameters": ["xyz.weight"]}}, ['"xyz.weight"']),
    ({"name": "adalora", "parameters": {"total_step": 5000}}, ["total_step", "5000", "4 steps"]),
    ({"name": "adalora", "parameters": {"target_r": 16, "init_r": 8}}, ["target_r", "init_r"]),
    ({"name": "adalora", "parameters": {"deltaT": 0}}, ["deltaT"]),
    ({"name": "prefix-tuning", "recipe": {"gradient_checkpointing": True}}, ["gradient_checkpointing"]),
    ({"name": "cartridge", "recipe": {"gradient_checkpointing": True}}, ["gradient_checkpointing"]),
    ({"name": "c3a", "parameters": {"bias": "("}}, ["c3a", "bias"]),
    ({"name": "multitask-prompt-tuning", "parameters": {"token_dim": 5}}, ["token_dim = 5"]),
    ({"name": "lora", "parameters": {"trainable_token_indices": []}}, ["trainable_token_indices", "empty"]),
    ({"name": "lora", "parameters": {"trainable_token_indices": [3, 9999]}}, ["trainable_token_indices", "9999"]),
    ({"name": "poly", "parameters": {"n_splits": -3}}, ["poly", "negative"]),
    ({"name": "xlora", "parameters": {"xlora_depth": 0}}, ["xlora_depth = 0", "positive"]),
    ({"name": "xlora", "parameters": {"num_experts": 2, "top_k_lora": 99}}, ["top_k_lora = 99", "not in range"]),
    ({"name": "lora", "recipe": {"max_length": 8}}, ["max_length = 8", "raise max_length"]),
]


@pytest.mark.parametrize(("entry", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_could_only_fail_later_is_refused_in_one_line(
    toy_study: Build, entry: Mapping[str, Any], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        check_trials(plan(toy_study(methods=[{"learning_rate": 1e-3, **entry}])))
    (line,) = caught.value.problems
    assert "\n" not in line
    for word in words:
        assert word in line


def test_all_problems_are_listed_together_each_behind_the_file(
    toy_study: Build, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    study = toy_study(
        methods=[
            "base",
            {"name": "lora", "parameters": {"r": 0}},
            {"name": "dora", "parameters": {"rnk": 4}},
            "loftq",
            {"name": "oft", "recipe": {"max_length": 8}},
        ]
    )
    with pytest.raises(InputError) as caught:
        prepare(study, Store(folder), source="mine.toml")
    lines = caught.value.problems
    assert len(lines) == 4
    assert all(line.startswith("mine.toml: ") for line in lines)
    for word in ("max_length", '"lora"', '"rnk"', "--skip-unavailable"):
        assert sum(word in line for line in lines) == 1
    assert not folder.exists()


def test_an_unknown_method_hides_no_problem_of_another(toy_study: Build, folder: Path) -> None:
    study = toy_study(methods=["lroa", "base", {"name": "oft", "parameters": {"target_modules": ["q_prj"]}}])
    with pytest.raises(InputError) as caught:
        prepare(study, Store(folder), source="mine.toml")
    unknown, target = caught.value.problems
    assert unknown.startswith('mine.toml: unknown method "lroa"')
    assert '"q_prj"' in target


def test_nothing_is_downloaded_while_a_name_is_wrong(
    toy_study: Build, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PARETUNE_CACHE", str(tmp_path))
    monkeypatch.setattr("paretune.models.package.download", None)  # whoever calls it fails otherwise
    study = toy_study(methods=["lora", "dorra"], base_model=EMBEDDED_MODEL)
    with pytest.raises(InputError) as caught:
        prepare(study, Store(folder))
    assert [line.split('"')[1] for line in caught.value.problems] == ["dorra"]


def test_unknown_names_are_listed_together_too(toy_study: Build, folder: Path) -> None:
    study = toy_study(methods=["lroa", "base", "dorra"], tasks=["word_problem"])
    with pytest.raises(InputError) as caught:
        prepare(study, Store(folder))
    assert [line.split('"')[1] for line in caught.value.problems] == ["word_problem", "lroa", "dorra"]


def test_a_value_that_is_tuned_over_is_checked_before_the_first_round(toy_study: Build, folder: Path) -> None:
    methods = ["base", {"name": "lora", "tune": {"r": [8, 0]}}]
    study = toy_study(methods=methods, seeds=[0, 1, 2], tuning={"rates": 3})
    with pytest.raises(InputError, match=r'"lora".*0'):
        prepare(study, Store(folder))


def test_the_base_model_is_read_once_however_many_methods_there_are(
    toy_study: Build, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = plan(toy_study(base_model=f"path:{model}", methods=["base", "lora", "oft", "ia3"]))
    counted: dict[str, Callable[..., Any]] = {
        "paretune.models.content._folder_content": content._folder_content,
        "paretune.kinds.causal_lm.makes_pictures": makes_pictures,
        "paretune.kinds.causal_lm.tokenizer_of": tokenizer_of,
        "paretune.execute.base.find_shape": find_shape,
        "paretune.execute.base.outline_of": outline_of,
    }
    calls: list[str] = []

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            calls.append(name)
            return real(*arguments)

        return call

    for name, real in counted.items():
        monkeypatch.setattr(name, counting(name, real))
    check_trials(trials)
    assert sorted(calls) == sorted(counted)


def test_what_cannot_run_here_may_be_skipped_and_its_row_says_why(
    toy_study: Build, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(execution, "LocalExecutor", StandIn())
    study = toy_study(methods=["base", "loftq", "lora"])
    with pytest.raises(InputError, match="--skip-unavailable runs the rest"):
        run(study, folder)
    assert run_and_show(study, folder, RunOptions(skip_unavailable=True)) == 1
    outcomes = {record.trial.method.label: record.outcome for record in Store(folder).records()}
    assert {label: outcome.kind for label, outcome in outcomes.items()} == {
        "base": "ok",
        "loftq": "refused",
        "lora": "ok",
    }
    assert "GPU" in getattr(outcomes["loftq"], "message", "")
    assert "Left out: " in capsys.readouterr().err


def test_a_finished_study_is_shown_wherever_it_is(
    toy_study: Build, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "LocalExecutor", StandIn())
    study = toy_study(methods=["base", "lora"])
    run(study, folder)
    monkeypatch.setattr(
        "paretune.execute.prepare.check_trials", lambda *_, **__: pytest.fail("nothing is left to check")
    )
    assert len(run(study, folder)) == 2


STUDY_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"recipe": {"steps": True}}, "steps must be a number"),
    ({"recipe": {"steps": 10**20}}, "recipe.steps"),
    ({"recipe": {"weight_decay": float("nan")}}, "recipe.weight_decay"),
    ({"learning_rates": [float("inf")]}, "learning_rates"),
    ({"methods": [{"name": "lora", "learning_rate": float("inf")}]}, "learning_rate"),
    ({"methods": [{"name": "lora", "label": "a\0b"}]}, "label"),
    ({"methods": [{"name": "lora", "label": "x" * 5000}]}, "label"),
    ({"seeds": [True]}, "seeds must be a number"),
    ({"seeds": [2**64]}, "seeds"),
    ({"name": "x" * 5000}, "name"),
]


@pytest.mark.parametrize(("change", "word"), STUDY_VALUES, ids=lambda value: str(value)[:60])
def test_values_that_no_study_can_have(toy_study: Build, change: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError) as caught:
        toy_study(**change)
    (line,) = caught.value.problems
    assert word in line
    assert len(line) < 300


def test_several_mistakes_in_the_fields_are_told_in_one_go(toy_study: Build) -> None:
    with pytest.raises(InputError) as caught:
        toy_study(recipe={"stpes": 4, "batch_size": 0}, seeds=[-1])
    assert len(caught.value.problems) == 3


def _settings() -> list[tuple[str, str]]:
    """Return every parameter that peft's config of a method has, with the method's name."""
    found = []
    for card in method_cards():
        spec = resolve(MethodEntry(name=card.name))
        found += [(card.name, name) for name in (parameter_kinds(config_class(spec)) if spec.peft_type else ())]
    return found


WRONG = st.sampled_from([0, -3, 5, 2.0, True, "x", "(", [], {}, None, {"q_prj": 4}, ["q_prj"]])


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(setting=st.sampled_from(_settings()), value=WRONG)
def test_a_changed_parameter_is_refused_while_planning_or_does_not_fail(
    toy_study: Build, tmp_path_factory: pytest.TempPathFactory, setting: tuple[str, str], value: Any
) -> None:
    name, parameter = setting
    entry = {"name": name, "learning_rate": 1e-3, "parameters": {parameter: value}}
    options = {"train_size": 32, "validation_size": 4, "test_size": 4}
    recipe = {"steps": 2, "batch_size": 2, "warmup_ratio": 0.0, "memory_steps": 1}
    folder = tmp_path_factory.mktemp("mutated")
    said = []
    for weights in (False, True):  # `--plan`, and `run`
        try:
            study = toy_study(methods=[entry], tasks=[{"name": "word_problems", "options": options}], recipe=recipe)
            checked(study, folder / "out", RunOptions(source="mine.toml"), weights=weights)
        except InputError as error:
            said.append(error.problems)
    assert said in ([], [said[0], said[0]] if said else [])
    if said:
        assert all(name in line and "\n" not in line for line in said[0])
        return
    (trial,) = plan(study)
    outcome = run_trial(trial, folder / "adapter", attempt=1, concurrent_workers=1, listener=Deaf()).record.outcome
    assert outcome.kind != "failed", outcome
