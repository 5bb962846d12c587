"""Records as result files of peft's method comparison, and back again."""

import importlib.util
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from paretune.analysis import rows_of
from paretune.interop.exporters import export_peft_comparison
from paretune.interop.exporters.peft_own import NOT_MEASURED
from paretune.interop.exporters.peft_result import result_of
from paretune.interop.importers import import_peft_comparison
from paretune.interop.importers.peft_result import read_result
from paretune.interop.peft_layout import MATHS
from paretune.spec import (
    COSTS,
    ImageRecipe,
    InputError,
    MethodSpec,
    OutOfMemory,
    Phase,
    PhaseReading,
    Recipe,
    Record,
    TaskSpec,
)
from paretune.store import Store, load_records
from paretune.store.document import leaves
from tests.interop.peft_results import maths_result
from tests.outside import PEFT_CHECKOUT, PUBLISHED, needs_checkout, needs_published
from tests.records import make_record, make_study

LORA = MethodSpec(name="lora", label="LoRA r=8", implementation="peft", peft_type="LORA", parameters={"r": 8})


def same(one: object, other: object) -> bool:
    """Compare two documents leaf by leaf, in any order of keys, with NaN equal to itself."""
    ours, theirs = dict(leaves(one)), dict(leaves(other))
    return ours.keys() == theirs.keys() and all(
        ours[path] == theirs[path] or (ours[path] != ours[path] and theirs[path] != theirs[path]) for path in ours
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"train_info__file_size": 99999999},
        {"train_info__metrics__-1__forgetting": math.nan},
        {"train_info__metrics__0__train loss": math.inf},
        {"run_info__train_config__optimizer_kwargs": {"lr": 1e-3}},
        {"run_info__train_config__optimizer_kwargs": {"lr": 1e-3, "weight_decay": 0.1, "r": 32}},
        {"run_info__train_config__optimizer_type": "lora-fa"},
        {"run_info__train_config__dtype": "int4"},
        {"run_info__train_config__grad_norm_clip": 0.0},
        {"run_info__train_config__lr_scheduler": None},
        {"run_info__train_config__attn_implementation": "eager"},
        {"run_info__train_config__autocast_adapter_dtype": False},
        {"run_info__peft_config": None},
        {"train_info__status": "canceled", "run_info__error_msg": "CUDA out of memory."},
        {"train_info__status": "canceled", "run_info__error_msg": "", "train_info__metrics": []},
        {"meta_info__model_info": {"sha": None, "created_at": None}},
    ],
)
def test_an_imported_result_comes_out_as_it_went_in(changes: dict[str, Any]) -> None:
    value = maths_result(**changes)
    benchmark, record = read_result(value, "a.json")
    read = Record.model_validate_json(record.model_dump_json())
    assert same(json.loads(json.dumps(result_of(read, benchmark, "unused"))), value)


@needs_published
class TestPublished:
    def test_import_export_import_is_identical(self, tmp_path: Path) -> None:
        first = import_peft_comparison(PUBLISHED, tmp_path / "first")
        for done in first:
            export_peft_comparison(done.folder, tmp_path / "out")
        again = import_peft_comparison(tmp_path / "out", tmp_path / "again")
        for one, other in zip(first, again, strict=True):
            assert load_records(one.folder) == load_records(other.folder)

    def test_every_field_of_every_file_is_carried(self, tmp_path: Path) -> None:
        for done in import_peft_comparison(PUBLISHED, tmp_path / "in"):
            export_peft_comparison(done.folder, tmp_path / "out")
        written = sorted(path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.json"))
        assert len(written) == 94
        for path in written:
            theirs = json.loads((PUBLISHED / path).read_text())
            assert same(json.loads((tmp_path / "out" / path).read_text()), theirs), path

    @pytest.mark.parametrize(
        ("task", "quality", "cost"),
        [
            ("MetaMathQA", "test accuracy", "run_peak_reserved_bytes"),
            ("image-gen", "test dino_similarity", "train_peak_reserved_bytes"),
        ],
    )
    def test_fronts_are_those_of_the_files(self, task: str, quality: str, cost: str, tmp_path: Path) -> None:
        points = {}
        for path in (PUBLISHED / task / "results").glob("*.json"):
            info = json.loads(path.read_text())["train_info"]
            points[path.name] = (info["metrics"][-1][quality], -info["accelerator_memory_max"])
        expected = {
            name
            for name, point in points.items()
            if not any(other != point and other[0] >= point[0] and other[1] >= point[1] for other in points.values())
        }
        (done,) = import_peft_comparison(PUBLISHED / task, tmp_path)
        rows = [row for row in rows_of(load_records(done.folder)) if cost in row.fronts]
        found = {row.records[0].imported.file for row in rows if row.records[0].imported}
        assert cost in COSTS
        assert found == expected
        assert len(found) > 1


@needs_checkout
class TestTheirOwnTools:
    def load(self, folder: Path, task: str) -> tuple[Any, Any]:
        """Return their data frame of a folder, and their module."""
        pytest.importorskip("pandas")
        path = PEFT_CHECKOUT / "method_comparison" / "processing.py"
        spec = importlib.util.spec_from_file_location("processing", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault("processing", module)
        spec.loader.exec_module(module)
        return module.load_df(str(folder / task / "results"), task, print_fn=lambda text: None), module

    def front(self, frame: Any, module: Any, task: str) -> set[str]:
        """Return the names of their front of the main metric against memory."""
        quality = {"MetaMathQA": "test_accuracy", "image-gen": "test_dino_similarity"}[task]
        preferences = module.get_metric_preferences(task)
        on_front = module.compute_pareto_frontier(frame, "accelerator_memory_max", quality, preferences)
        return set(on_front["experiment_name"])

    @needs_published
    @pytest.mark.parametrize(
        ("task", "cost"),
        [("MetaMathQA", "run_peak_reserved_bytes"), ("image-gen", "train_peak_reserved_bytes")],
    )
    def test_they_find_the_same_front_in_an_export(self, task: str, cost: str, tmp_path: Path) -> None:
        (done,) = import_peft_comparison(PUBLISHED / task, tmp_path / "in")
        export_peft_comparison(done.folder, tmp_path / "out")
        frame, module = self.load(tmp_path / "out", task)
        rows = [row for row in rows_of(load_records(done.folder)) if cost in row.fronts]
        ours = {row.records[0].imported.rest["run_info"]["experiment_name"] for row in rows if row.records[0].imported}
        assert self.front(frame, module, task) == ours

    def test_they_load_a_study_of_ours(self, own_study: Path, tmp_path: Path) -> None:
        export_peft_comparison(own_study, tmp_path / "out")
        frame, module = self.load(tmp_path / "out", "MetaMathQA")
        assert len(frame) == 6
        rows = [row for row in rows_of(load_records(own_study)) if "train_peak_bytes" in row.fronts]
        assert {name.partition("/")[2] for name in self.front(frame, module, "MetaMathQA")} == {
            row.method for row in rows
        }


OPTIONS = {"template": "Question: {query}\nAnswer:", "max_new_tokens": 300}
GSM8K = TaskSpec(name="gsm8k", version="1", options=OPTIONS, content_hash="0123456789abcdef")
READING = PhaseReading(phase=Phase.TRAIN, seconds=12.5)


def gsm8k_record(label: str = "lora", without: str = "", **changes: Any) -> Record:
    """Return a record of GSM8K, without the metric named."""
    record = make_record(label, **{"task": GSM8K, "phases": (READING,)} | changes)
    metrics = dict(record.metrics)
    if metrics and record.trial.method.trains:
        metrics |= {"train_seconds": 10.25, "accuracy_published": metrics["accuracy"]}
    metrics.pop(without, None)
    return record.model_copy(update={"metrics": metrics})


def kept(folder: Path, *records: Record) -> Path:
    """Return the folder of a study with these records."""
    store = Store(folder)
    with store.open_for_study(make_study()):
        for record in records:
            store.append(record, [] if record.outcome.kind == "ok" else None)
    return store.folder


@pytest.fixture
def own_study(tmp_path: Path) -> Path:
    ended = [gsm8k_record(label) for label in ("base", "full", "lora", "dora", "oft", "ia3", "vera")]
    return kept(tmp_path / "own", *ended, gsm8k_record("boft", outcome=OutOfMemory(message="no room")))


class TestOwnRecords:
    def test_the_base_model_has_no_place_and_failures_go_apart(self, own_study: Path, tmp_path: Path) -> None:
        done = export_peft_comparison(own_study, tmp_path)
        assert [reason.partition(":")[0] for reason in done.left_out] == ["base"]
        folders = [path.parent.name for path in done.files]
        assert (folders.count("results"), folders.count("cancelled_results")) == (6, 1)

    def test_what_was_not_measured_is_said(self) -> None:
        value = result_of(gsm8k_record(method=LORA), MATHS, "lora/r8")
        assert value["run_info"]["peft_config"] == {"peft_type": "LORA", "r": 8}
        assert value["run_info"]["peft_branch"] is None
        assert value["train_info"]["accelerator_memory_max"] == 1_210_000_000
        assert value["train_info"]["metrics"][-1]["test accuracy"] == 0.4833
        assert set(value["run_info"][NOT_MEASURED]) == {
            "train total tokens",
            "accelerator_memory_reserved_avg",
            "accelerator_memory_reserved_99th",
            "accelerator_memory_max",
            "train_time",
            "train loss",
            "forgetting",
        }

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [("peft", "AdamW"), ("lora-plus", "lora+"), ("lora-fa", "lora-fa"), ("lora-riemannian", "riemannian")],
    )
    def test_the_optimizer_has_their_name(self, ours: str, theirs: str) -> None:
        method = LORA.model_copy(update={"implementation": ours})
        value = result_of(gsm8k_record(method=method), MATHS, "lora/r8")
        assert value["run_info"]["train_config"]["optimizer_type"] == theirs

    def test_memory_that_was_reserved_is_theirs(self) -> None:
        reading = PhaseReading(phase=Phase.TRAIN, seconds=12.5, peak_bytes=900, reserved_bytes=1000)
        value = result_of(gsm8k_record(phases=(reading,)), MATHS, "lora/r8")
        assert value["train_info"]["accelerator_memory_max"] == 1000
        assert "accelerator_memory_max" not in value["run_info"][NOT_MEASURED]

    @pytest.mark.parametrize(
        ("metric", "theirs"),
        [
            ("train_seconds", "train_time"),
            ("train_peak_bytes", "accelerator_memory_max"),
            ("trainable_parameters", "num_trainable_params"),
        ],
    )
    def test_a_row_without_a_figure_they_need_is_left_out(self, metric: str, theirs: str, tmp_path: Path) -> None:
        folder = kept(tmp_path / "own", gsm8k_record("dora"), gsm8k_record(without=metric))
        done = export_peft_comparison(folder, tmp_path / "out")
        assert len(done.files) == 1
        (reason,) = done.left_out
        assert reason.startswith(f"lora: their tools insist on {theirs}")

    def test_seeds_and_rates_make_names_of_their_own(self, tmp_path: Path) -> None:
        folder = kept(tmp_path / "own", *(gsm8k_record(method=LORA, seed=seed) for seed in (0, 1)))
        done = export_peft_comparison(folder, tmp_path / "out")
        assert sorted(path.name for path in done.files) == ["lora--LoRA-r=8-seed_0.json", "lora--LoRA-r=8-seed_1.json"]

    def test_a_study_with_nothing_to_export_is_refused(self, tmp_path: Path) -> None:
        folder = kept(tmp_path / "own", gsm8k_record("base"))
        with pytest.raises(InputError, match="nothing to export; base:"):
            export_peft_comparison(folder, tmp_path / "out")

    def test_a_task_that_is_none_of_theirs_is_refused(self, tmp_path: Path) -> None:
        folder = kept(tmp_path / "own", make_record("base"), make_record("lora"))
        with pytest.raises(InputError, match=r'task "word_problems": their layout has only gsm8k and image_concept$'):
            export_peft_comparison(folder, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_of_several_tasks_theirs_are_exported(self, tmp_path: Path) -> None:
        done = export_peft_comparison(kept(tmp_path / "own", make_record(), gsm8k_record()), tmp_path / "out")
        assert [path.parent.parent.name for path in done.files] == ["MetaMathQA"]
        assert done.left_out == ('task "word_problems": their layout has only gsm8k and image_concept',)


class TestOwnRecordsComeBack:
    def test_with_their_figures(self, tmp_path: Path) -> None:
        adalora = LORA.model_copy(update={"name": "peft:adalora", "label": "adalora rank32"})
        trial: dict[str, Any] = {"method": adalora, "base_model": "path:/models/small"}
        out = gsm8k_record(seed=1, outcome=OutOfMemory(message="out of memory"), **trial)
        own = gsm8k_record(**trial)
        done = export_peft_comparison(kept(tmp_path / "own", own, out), tmp_path / "out")
        assert all(path.name.startswith("adalora--adalora-rank32-seed_") for path in done.files)
        (read,) = import_peft_comparison(tmp_path / "out", tmp_path / "back")
        back, failed = sorted(load_records(read.folder), key=lambda record: record.trial.seed)
        same_named = ("accuracy_published", "checkpoint_bytes", "trainable_parameters", "forgetting")
        assert {name: back.metrics[name] for name in same_named} == {name: own.metrics[name] for name in same_named}
        assert back.metrics["run_peak_reserved_bytes"] == own.metrics["train_peak_bytes"]
        assert back.metrics["reported_train_seconds"] == own.metrics["train_seconds"]
        assert back.trial.base_model == "path:/models/small"
        assert back.trial.method.parameters == {"r": 8}
        assert failed.outcome == out.outcome
        again = export_peft_comparison(read.folder, tmp_path / "again")
        for path in again.files:
            first = tmp_path / "out" / path.relative_to(tmp_path / "again")
            assert same(json.loads(path.read_text()), json.loads(first.read_text()))

    def test_with_pictures(self, tmp_path: Path) -> None:
        options = {"judge": "hub:facebook/dinov2-base@main", "validation_size": 2, "captions": ["a zib"]}
        task = TaskSpec(name="image_concept", version="1", options=options, content_hash="0123456789abcdef")
        record = gsm8k_record(task=task, recipe=Recipe(image=ImageRecipe(pixels=64)), without="accuracy_published")
        own = record.model_copy(update={"metrics": record.metrics | {"similarity": 0.6, "drift": 0.1}})
        export_peft_comparison(kept(tmp_path / "own", own), tmp_path / "out")
        (read,) = import_peft_comparison(tmp_path / "out", tmp_path / "back")
        (back,) = load_records(read.folder)
        assert (back.metrics["similarity"], back.metrics["drift"]) == (0.6, 0.1)
        assert back.trial.task.options["resolution"] == 64
