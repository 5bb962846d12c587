"""Results of peft's method comparison, read in."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from paretune.interop.importers import import_peft_comparison
from paretune.interop.importers.peft_result import read_result
from paretune.interop.importers.peft_settings import read_label
from paretune.spec import METRICS, InputError, Record
from paretune.spec.migrate import read_record
from paretune.store import Store, load_records
from tests.interop.peft_results import maths_result
from tests.outside import PUBLISHED, needs_published


def read(**changes: Any) -> Record:
    return read_result(maths_result(**changes), "lora.json")[1]


class TestOneFile:
    def test_figures_go_where_they_belong(self) -> None:
        record = read()
        assert record.metrics == {
            "accuracy": 631 / 1319,
            "accuracy_published": 631 / 1319,
            "run_peak_reserved_bytes": 22_000,
            "reported_train_seconds": 80.25,
            "train_seconds": pytest.approx(50.0),
            "step_seconds": pytest.approx(0.1),
            "checkpoint_bytes": 36_715_216,
            "trainable_parameters": 9_175_040,
            "forgetting": 0.11,
        }
        assert record.outcome.kind == "ok"
        assert record.num_items == 1319
        assert record.standard_errors["accuracy"] == pytest.approx((631 * 688 / 1319**3) ** 0.5)
        assert record.trial.base_model == "hub:meta-llama/Llama-3.2-3B@13afe512"
        assert record.trial.method.label == "lora rank32"
        assert record.trial.method.parameters == {
            "r": 32, "lora_alpha": 64, "target_modules": ["q_proj", "v_proj"], "use_dora": False,
        }  # fmt: skip
        assert (record.trial.recipe.steps, record.trial.recipe.weight_decay) == (500, 0.1)
        assert record.provenance is not None
        assert record.provenance.device == "NVIDIA L40S"
        assert record.provenance.python is None

    def test_a_record_is_marked_says_what_memory_covers_and_survives_json(self) -> None:
        record = read()
        assert record.imported is not None
        assert "generation" in record.imported.covers["run_peak_reserved_bytes"]
        assert not record.has_answers
        assert read_record(json.loads(record.model_dump_json()), "x") == record

    @pytest.mark.parametrize(
        ("change", "metric"),
        [
            ({"train_info__file_size": 99999999}, "checkpoint_bytes"),
            ({"train_info__metrics__-1__forgetting": 123}, "forgetting"),
            ({"train_info__metrics__-1__forgetting": math.nan}, "forgetting"),
        ],
    )
    def test_placeholders_are_missing_figures(self, change: dict[str, Any], metric: str) -> None:
        record = read(**change)
        assert record.metric(metric) is None
        assert record.imported is not None
        assert metric in record.imported.placeholders

    def test_a_weight_decay_that_was_lost_is_a_departure(self) -> None:
        record = read(run_info__train_config__optimizer_kwargs={"lr": 1e-3})
        assert record.trial.recipe.weight_decay == 0.01
        assert record.trial.learning_rate == 1e-3

    @pytest.mark.parametrize(
        ("message", "kind"),
        [
            ("manually canceled", "cancelled"),
            ("CUDA out of memory. Tried to allocate 2 GiB", "out_of_memory"),
            ("shape mismatch", "failed"),
        ],
    )
    def test_canceled_becomes_what_is_known(self, message: str, kind: str) -> None:
        cut = {"train_info__status": "canceled", "train_info__metrics": []}
        record = read(run_info__error_msg=message, **cut)
        assert record.outcome.kind == kind
        assert message in record.outcome.model_dump_json()
        assert record.metric("accuracy") is None
        assert record.metric("train_seconds") is None
        assert record.num_items is None

    def test_an_accuracy_that_is_no_share_of_the_questions_gets_no_interval(self) -> None:
        record = read(**{"train_info__metrics__-1__test accuracy": 0.4})
        assert record.num_items is None
        assert record.standard_errors == {}

    def test_the_names_of_june_2025_are_read(self) -> None:
        value = maths_result()
        info, system = value["train_info"], value["meta_info"]["system_info"]
        info["cuda_memory_max"] = info.pop("accelerator_memory_max")
        del info["num_trainable_params"], info["metrics"][-1]["forgetting"], value["run_info"]["error_msg"]
        del value["run_info"]["train_config"]["use_gc"]
        system["gpu"] = system.pop("accelerator")
        record = read_result(value, "old.json")[1]
        assert record.metrics["run_peak_reserved_bytes"] == 22_000
        assert record.metric("trainable_parameters") is None
        assert record.metric("forgetting") is None

    @pytest.mark.parametrize("value", [{}, {"run_info": {"train_config": {}}}, {"run_info": []}])
    def test_what_is_not_theirs_is_refused(self, value: dict[str, Any]) -> None:
        with pytest.raises(InputError, match=r"^x\.json: not a result file"):
            read_result(value, "x.json")

    @pytest.mark.parametrize("path", ["train_info.train_time", "run_info.experiment_name"])
    def test_a_missing_part_is_named(self, path: str) -> None:
        value = maths_result()
        part, key = path.split(".")
        del value[part][key]
        with pytest.raises(InputError, match=rf"x\.json: {re.escape(path)} is missing"):
            read_result(value, "x.json")

    @pytest.mark.parametrize(
        ("path", "value", "line"),
        [
            ("run_info__experiment_name", 7, r"run_info\.experiment_name must be text, not 7"),
            ("run_info__experiment_name", "/x", r"run_info\.experiment_name must begin with a method's name"),
            ("run_info__peft_config", [], r"run_info\.peft_config must be an object"),
            ("run_info__peft_config__peft_type", None, r"run_info\.peft_config\.peft_type must be text"),
            ("run_info__train_config__model_id", ["x"], r"run_info\.train_config\.model_id must be text"),
            ("run_info__train_config__dtype", [], r"run_info\.train_config\.dtype must be text"),
            ("run_info__train_config__seed", "0", r"run_info\.train_config\.seed must be a whole number"),
            ("run_info__train_config__optimizer_kwargs", [], r"optimizer_kwargs\.lr is missing"),
            ("run_info__train_config__optimizer_kwargs__lr", -1.0, "learning_rate"),
            ("run_info__train_config__optimizer_type", "Lion", 'optimizer_type is "Lion"; known here: AdamW, SGD'),
            ("run_info__created_at", 5, r"run_info\.created_at must be text"),
            ("train_info__status", None, r"train_info\.status must be text"),
            ("train_info__metrics", {}, r"train_info\.metrics must be a list"),
            ("train_info__metrics", [3], r"train_info\.metrics\.0 must be an object"),
            ("train_info__metrics__0__train time", "12", r"metrics\.0\.train time must be a finite number"),
            ("train_info__metrics__0__step", True, r"metrics\.0\.step must be a whole number"),
            ("train_info__metrics__-1__test accuracy", math.nan, "test accuracy must be a finite number, not NaN"),
            ("train_info__metrics__-1__test accuracy", 2.0, "test accuracy must be a share between 0 and 1, not 2.0"),
            ("train_info__accelerator_memory_max", "x", "accelerator_memory_max must be a finite number"),
            ("train_info__file_size", "x", r"train_info\.file_size must be a finite number"),
            ("meta_info", [], r"meta_info\.system_info\.accelerator is missing"),
            ("meta_info__model_info__sha", 5, r"meta_info\.model_info\.sha must be text"),
            ("meta_info__package_info", [1], r"meta_info\.package_info must be an object"),
            ("meta_info__system_info__accelerator", None, r"meta_info\.system_info\.accelerator must be text"),
            ("meta_info__system_info", None, r"meta_info\.system_info\.accelerator is missing"),
        ],
    )
    def test_a_value_of_a_wrong_kind_is_named(self, path: str, value: Any, line: str) -> None:
        with pytest.raises(InputError, match=rf"^lora\.json: .*{line}") as caught:
            read(**{path: value})
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("theirs", "ours", "left"),
        [("AdamW", "adamw", None), ("SGD", "sgd", None), ("lora-fa", "adamw", "lora-fa"), ("lora+", "adamw", "lora+")],
    )
    def test_optimizers_are_read_or_stay_named(self, theirs: str, ours: str, left: str | None) -> None:
        record = read(run_info__train_config__optimizer_type=theirs)
        assert record.trial.recipe.optimizer == ours
        assert record.imported is not None
        assert record.imported.rest["run_info"]["train_config"].get("optimizer_type") == left

    def test_packages_need_not_be_there(self) -> None:
        provenance = read(meta_info__package_info=None).provenance
        assert provenance is not None
        assert provenance.packages == {}


@pytest.mark.parametrize(
    ("experiment", "model", "label"),
    [
        ("lora/llama-3.2-3B-rank32", "meta-llama/Llama-3.2-3B", "lora rank32"),
        ("lora/flux2-klein-default", "black-forest-labs/FLUX.2-klein-base-4B", "lora"),
        ("ia3/lr_0.001", "meta-llama/Llama-3.2-3B", "ia3 lr_0.001"),
        ("lora/llama-3.2-3B", "meta-llama/Llama-3.2-3B", "lora 3B"),
        ("odd", "a/b", "odd"),
    ],
)
def test_labels_leave_the_base_model_out(experiment: str, model: str, label: str) -> None:
    assert read_label(experiment, model) == label


class TestFolder:
    def test_a_second_import_adds_only_what_is_new(self, tmp_path: Path) -> None:
        results = tmp_path / "MetaMathQA" / "results"
        results.mkdir(parents=True)
        (results / "a.json").write_text(json.dumps(maths_result()))
        (first,) = import_peft_comparison(tmp_path, tmp_path / "out")
        assert (first.num_new, first.num_known) == (1, 0)
        again = maths_result(run_info__created_at="2026-08-01T00:00:00+00:00")
        (results / "a.json").write_text(json.dumps(again))
        (second,) = import_peft_comparison(tmp_path, tmp_path / "out")
        assert (second.num_new, second.num_known) == (1, 0)
        (record,) = load_records(second.folder)
        assert (record.attempt, record.started_at) == (2, "2026-08-01T00:00:00+00:00")
        assert Store(second.folder).items(record) == []

    def test_cancelled_runs_are_read_and_trial_runs_of_branches_are_not(self, tmp_path: Path) -> None:
        for name, status in (("results", "success"), ("cancelled_results", "canceled"), ("temporary_results", "x")):
            (tmp_path / name).mkdir()
            value = maths_result(train_info__status=status, run_info__experiment_name=f"{name}/x")
            (tmp_path / name / "a.json").write_text(json.dumps(value))
        (done,) = import_peft_comparison(tmp_path, tmp_path / "out")
        assert sorted(record.outcome.kind for record in load_records(done.folder)) == ["failed", "ok"]

    @pytest.mark.parametrize("name", ["nothing", "."])
    def test_an_empty_source_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InputError, match="method_comparison"):
            import_peft_comparison(tmp_path / name, tmp_path / "out")


@needs_published
def test_every_published_result_becomes_a_record(tmp_path: Path) -> None:
    maths, images = import_peft_comparison(PUBLISHED, tmp_path)
    assert (maths.num_new, images.num_new) == (63, 31)
    for folder in (maths.folder, images.folder):
        for record in load_records(folder):
            assert record.outcome.kind == "ok"
            assert set(record.metrics) <= set(METRICS)
    lily = next(one for one in load_records(maths.folder) if one.trial.method.label == "lily rank140-mlp-a2-b2-s8.0")
    assert f"{lily.metrics['accuracy']:.3f}" == "0.526"
    full = next(one for one in load_records(images.folder) if one.trial.method.implementation == "full")
    assert full.metric("drift") is None
