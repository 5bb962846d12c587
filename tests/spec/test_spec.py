import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.spec import (
    Direction,
    GeneralText,
    InputError,
    MethodSpec,
    Metric,
    Ok,
    Recipe,
    Record,
    Study,
    TaskSpec,
    Trial,
)
from paretune.spec.migrate import read_record
from paretune.spec.record import SCHEMA_VERSION


def make_trial(**changes: Any) -> Trial:
    value: dict[str, Any] = {
        "base_model": "toy:llama",
        "task": TaskSpec(name="word_problems", version="1", content_hash="0"),
        "method": MethodSpec(name="lora", label="lora", implementation="peft", peft_type="LORA", parameters={"r": 8}),
        "learning_rate": 1e-3,
        "seed": 0,
        "recipe": Recipe(),
    }
    return Trial(**(value | changes))


def study(**changes: Any) -> Study:
    return Study.read({"name": "s", "methods": ["base", "lora"]} | changes, "study.toml")


class TestTrial:
    def test_id_depends_on_every_field(self) -> None:
        base = make_trial()
        others = [
            make_trial(seed=1),
            make_trial(learning_rate=2e-3),
            make_trial(base_model="path:x"),
            make_trial(recipe=Recipe(steps=41)),
            make_trial(split="validation"),
            make_trial(task=TaskSpec(name="word_problems", version="1", content_hash="1")),
        ]
        assert len({trial.id for trial in [base, *others]}) == 1 + len(others)

    def test_an_option_that_was_renamed_is_read_by_its_earlier_name_and_the_id_stays(self) -> None:
        earlier = {"name": "image_concept", "version": "1", "content_hash": "0", "options": {"noises": 4, "judge": "x"}}
        read = make_trial(task=earlier)
        assert read.task.options == {"samples_per_prompt": 4, "judge": "x"}
        today = make_trial(task=earlier | {"options": {"judge": "x", "samples_per_prompt": 4}})
        assert (read.id, read.task.identity) == (today.id, today.task.identity)
        assert read.id == "938d0b9f7358c856", "the id that such a trial had before"
        other_task = make_trial(task=earlier | {"name": "word_problems"})
        assert other_task.task.options == earlier["options"]

    @given(st.dictionaries(st.text(), st.one_of(st.integers(), st.floats(allow_nan=False), st.text())))
    def test_id_survives_json_and_the_order_of_keys(self, parameters: dict[str, Any]) -> None:
        method = MethodSpec(name="x", label="x", implementation="peft", parameters=parameters)
        turned = method.model_copy(update={"parameters": dict(reversed(parameters.items()))})
        trial = make_trial(method=method)
        assert make_trial(method=turned).id == trial.id
        assert Trial.model_validate_json(trial.canonical_json()).id == trial.id

    def test_id_is_stable_between_releases(self) -> None:
        # Changing this value orphans every record that users have: do it only with a migration.
        assert make_trial().id == "792874b256c1900c"

    def test_id_does_not_depend_on_names_and_places(self) -> None:
        def own(path: str) -> TaskSpec:
            return TaskSpec(
                name="own_data", version="1", options={"path": path, "n": 1}, content_hash="0", locations=("path",)
            )

        lora = make_trial().method
        text = GeneralText(source="a.txt", content_hash="1")
        base = make_trial(task=own("a"), general_text=text, base_model="path:a", base_content="sha256:0")
        same = {
            "method": lora.model_copy(update={"label": "another name"}),
            "task": own("b"),
            "general_text": text.model_copy(update={"source": "b.txt"}),
            "base_model": "path:b",
        }
        for field, value in same.items():
            assert base.model_copy(update={field: value}).id == base.id
        assert base.model_copy(update={"base_content": "sha256:1"}).id != base.id
        assert make_trial(base_model="hub:a@main", base_content="hub:a@0f").id == make_trial(base_model="hub:a@0f").id

    def test_imported_results_are_told_apart_by_their_labels(self) -> None:
        task = TaskSpec(name="peft-metamathqa", version="1", content_hash=None)
        method = make_trial().method
        other = method.model_copy(update={"label": "lora, another optimizer"})
        assert make_trial(task=task, method=method).id != make_trial(task=task, method=other).id


class TestStudy:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"recipe": {"step": 3}}, ["recipe.step", 'did you mean "steps"']),
            ({"methods": [{"name": "lora", "learning_rat": 1}]}, ["methods[0].learning_rat", "learning_rate"]),
            ({"methods": [{"name": "lora", "learning_rate": 0}]}, ["methods[0].learning_rate", "greater than 0"]),
            ({"methods": [{"name": "lora", "recipe": {"batchsize": 1}}]}, ["batchsize", "batch_size"]),
            ({"learning_rates": [0.0]}, ["learning_rates[0]", "greater than 0"]),
            ({"methods": []}, ["methods", "at least 1"]),
            ({"methods": ["lora", "lora"]}, ['two methods are called "lora"']),
            ({"seeds": []}, ["seeds"]),
            ({"seeds": ["x"]}, ["seeds[0]", "integer"]),
            ({"sedes": [1]}, ["sedes", 'did you mean "seeds"']),
            ({"name": "a/b"}, ["name"]),
            ({"recipe": {"steps": 1, "warmup_ratio": 0.9}}, ["warmup_ratio"]),
            ({"recipe": {"compile": "block"}}, ["recipe.compile", "blocks"]),
            ({"recipe": {"loss_chunks": 0}}, ["recipe.loss_chunks", "greater than or equal to 1"]),
            ({"recipe": {"loss_chunks": 2, "compile": True}}, ['write compile = "blocks"']),
        ],
    )
    def test_mistakes_get_one_line_that_names_file_and_field(self, change: dict[str, Any], words: list[str]) -> None:
        with pytest.raises(InputError) as caught:
            study(**change)
        message = str(caught.value)
        assert message.startswith("study.toml: ")
        assert "\n" not in message
        for word in words:
            assert word in message

    def test_a_file_that_is_missing_or_no_toml_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"absent\.toml: cannot read"):
            Study.from_toml(tmp_path / "absent.toml")
        broken = tmp_path / "broken.toml"
        broken.write_text("name = [")
        with pytest.raises(InputError, match=r"broken\.toml: not valid TOML"):
            Study.from_toml(broken)

    def test_it_may_grow_but_what_trials_share_must_stay(self) -> None:
        assert study(methods=["base", "lora", "oft"], seeds=[0, 1]).conflict_with(study()) is None
        assert "steps" in (study(recipe={"steps": 7}).conflict_with(study()) or "")
        assert study(name="other").conflict_with(study()) is None
        assert "toy:llama" in (make_trial(base_model="path:x").conflict_with(make_trial()) or "")
        assert "general text" in (make_trial(general_text={"source": "a"}).conflict_with(make_trial()) or "")
        assert make_trial(seed=1).conflict_with(make_trial()) is None


class TestRecord:
    def test_the_oldest_layout_is_lifted(self) -> None:
        path = Path(__file__).parents[1] / "assets" / "record_v1.json"
        record = read_record(json.loads(path.read_text()), path.name)
        assert record.schema_version == SCHEMA_VERSION
        assert record.attempt == 1
        assert record.metric("train_peak_bytes") is not None

    def test_of_version_2_places_and_the_commit_of_the_hub_are_told(self) -> None:
        folder = Path(__file__).parents[1] / "assets" / "own_data_v2" / "records"
        for path in folder.iterdir():
            value = json.loads(path.read_text())
            record = read_record(value, path.name)
            assert record.trial_id == value["trial_id"], "its files keep their names"
            assert record.trial.task.locations == ("path", "validation_path", "test_path")
            assert record.trial.base_content is None
            value["trial"]["base_model"] = "hub:some/model@main"
            value["provenance"]["model_note"] = "revision main was commit 0123abc"
            assert read_record(value, path.name).trial.base_content == "hub:some/model@0123abc"
            value["audit"] = {"audit": None, "answered_alone": True}
            assert read_record(value, path.name).answer_batch_size == 1
            value["trial"]["recipe"]["image"] = {}
            assert read_record(value, path.name).answer_batch_size > 1, "images were never drawn one by one"

    def test_records_of_the_future_and_of_nobody_are_refused(self) -> None:
        with pytest.raises(InputError, match="newer Paretune"):
            read_record({"schema_version": SCHEMA_VERSION + 1}, "r.json")
        with pytest.raises(InputError, match="not a record"):
            read_record({"hello": 1}, "r.json")

    def test_nan_is_not_missing(self) -> None:
        record = Record(
            trial_id="x", attempt=1, trial=make_trial(), outcome={"kind": "diverged", "step": 3, "loss": float("nan")},
            metrics={"train_loss": float("inf")}, started_at="2026-01-01T00:00:00+00:00",
        )  # fmt: skip
        again = Record.model_validate_json(record.canonical_json())
        assert again.canonical_json() == record.canonical_json()
        assert again.metric("train_loss") == float("inf")
        assert again.metric("accuracy") is None

    def test_unknown_metrics_are_refused(self) -> None:
        value = {"trial_id": "x", "attempt": 1, "trial": make_trial(), "outcome": {"kind": "ok"}, "started_at": ""}
        with pytest.raises(InputError, match='did you mean "accuracy"'):
            Record.read(value | {"metrics": {"acuracy": 1.0}}, "r.json")


def test_what_a_task_says_of_its_metrics_is_no_part_of_a_trial_s_id() -> None:
    trial = make_trial()
    loss = Metric(name="loss", label="Loss", direction=Direction.LOWER, definition="Of tests.")
    telling = trial.model_copy(update={"task": trial.task.model_copy(update={"metrics": (loss,)})})
    assert telling.id == trial.id
    assert telling.task.identity == trial.task.identity
    assert Trial.model_validate_json(telling.model_dump_json()) == telling
    made = {"trial_id": telling.id, "attempt": 1, "outcome": Ok(), "started_at": "2026-01-01T00:00:00"}
    record = Record.model_validate({**made, "trial": telling, "metrics": {"loss": 0.5}})
    assert (record.main_metric, record.metric("loss")) == (loss, 0.5)
    with pytest.raises(InputError, match=r'metrics: unknown metric "los" .did you mean "loss"'):
        Record.read(record.model_dump(mode="json") | {"metrics": {"los": 0.5}}, "r.json")
