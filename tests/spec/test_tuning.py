from typing import Any

import pytest

from paretune.spec import EVERYTHING, InputError, Study, Trial
from tests.spec.test_spec import make_trial

SEEDS = [0, 1, 2]


def tuned(**changes: Any) -> Study:
    value = {"name": "s", "methods": ["base", "lora"], "seeds": SEEDS, "tuning": {}}
    return Study.read(value | changes, "study.toml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seeds": [0]}, ["seeds", "[0, 1, 2]"]),
        ({"seeds": [0, 0, 1]}, ["seeds"]),
        ({"learning_rates": [1e-3]}, ["learning_rates", "[tuning]"]),
        ({"tuning": {"rates": 4}}, ["tuning", "rates = 4", "odd"]),
        ({"tuning": {"rates": 1}}, ["tuning.rates"]),
        ({"tuning": {"rate": 5}}, ["tuning.rate", 'did you mean "rates"']),
        ({"tuning": {"sampler": "tpe"}}, ["tuning", "trials"]),
        ({"tuning": {"trials": 9}}, ["tuning", "sampler"]),
        ({"tuning": {"seeds": [1, 1]}}, ["tuning", "twice"]),
        ({"tuning": {"recipe": {"step": 3}}}, ["tuning", '"step"', '"steps"']),
        ({"methods": [{"name": "lora", "tune": {"r": {"low": 4, "high": 8}}}]}, ["lora", "tune.r", "list"]),
        ({"methods": [{"name": "lora", "tune": {"r": [8, 8]}}]}, ["tune.r", "twice"]),
        ({"methods": [{"name": "lora", "tune": {"r": []}}]}, ["methods[0].tune.r"]),
        ({"methods": [{"name": "lora", "tune": {"r": [8]}, "parameters": {"r": 4}}]}, ['"r"', "parameters", "tune"]),
        ({"tuning": None, "methods": [{"name": "lora", "tune": {"r": [8]}}]}, ["lora", "[tuning]"]),
    ],
)
def test_what_cannot_be_tuned_is_refused_on_one_line(change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        tuned(**change)
    assert "\n" not in str(caught.value)
    for word in ["study.toml", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("values", [{"low": 8, "high": 8}, {"low": 0, "high": 8, "log": True}, {"low": 1}])
def test_a_range_must_hold_something(values: dict[str, Any]) -> None:
    tuning = {"sampler": "random", "trials": 5}
    with pytest.raises(InputError, match=r"methods\[0\]\.tune\.r"):
        tuned(methods=[{"name": "lora", "tune": {"r": values}}], tuning=tuning)


def test_a_tuned_study_survives_json() -> None:
    entry = {"name": "lora", "tune": {"r": {"low": 4, "high": 8}, "target_modules": [["q_proj"], ["v_proj"]]}}
    study = tuned(methods=[entry], tuning={"sampler": "tpe", "trials": 9, "seeds": [0, 1]})
    assert Study.model_validate_json(study.model_dump_json()) == study


def test_measuring_everything_is_what_trials_always_did() -> None:
    trial = make_trial()
    assert "measures" not in trial.canonical_json()
    assert make_trial(measures=EVERYTHING).id == make_trial(measures=reversed(EVERYTHING)).id == trial.id


def test_measuring_less_is_another_trial_and_survives_json() -> None:
    few = [make_trial(measures=measures) for measures in ((), ("answers",), ("answers", "memory"))]
    assert len({trial.id for trial in [make_trial(), *few]}) == 4
    for trial in few:
        assert Trial.model_validate_json(trial.canonical_json()) == trial
        assert Trial.model_validate_json(trial.model_dump_json()).id == trial.id


def test_forgetting_needs_a_checkpoint() -> None:
    with pytest.raises(ValueError, match="answers"):
        make_trial(measures=("forgetting",))
