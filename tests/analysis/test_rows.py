from typing import Any

import pytest

from paretune.analysis import comparability_notes, rows_of, wilson
from paretune.spec import Diverged, MethodSpec, Recipe, Record, TaskSpec
from tests.records import PROVENANCE, make_record, make_records


def with_accuracy(accuracy: float, **changes: Any) -> Record:
    record = make_record(**changes)
    return record.model_copy(update={"metrics": record.metrics | {"accuracy": accuracy}})


def test_seeds_are_one_row_with_mean_spread_and_the_interval_of_one_seed() -> None:
    (row,) = rows_of([with_accuracy(0.5, seed=1), with_accuracy(0.25, seed=0), with_accuracy(0.75, seed=2)])
    assert row.seeds == (0, 1, 2)
    assert row.metrics["accuracy"] == 0.5
    assert row.spreads["accuracy"] == pytest.approx(0.25)
    assert row.quality_interval == wilson(60, 120)
    assert row.standard_errors["forgetting"] == pytest.approx(0.004)
    assert row.groups["seen"]["num_items"] == 90


def test_tasks_rates_and_what_a_label_stands_for_are_rows_of_their_own() -> None:
    other = MethodSpec(name="lora", label="lora", implementation="peft", parameters={"r": 99})
    records = [
        make_record(),
        make_record(learning_rate=1e-4),
        make_record(method=other),
        make_record(recipe=Recipe(steps=7)),
        make_record(split="validation"),
        make_record(task=TaskSpec(name="word_problems", version="1", content_hash="ffff")),
    ]
    rows = rows_of(records)
    assert [len(row.records) for row in rows] == [1] * 6
    assert {row.task for row in rows} == {"word_problems (012345)", "word_problems (ffff)"}


def test_tasks_of_one_name_are_told_apart_by_the_one_option_that_differs() -> None:
    def named(*options: dict[str, Any]) -> set[str]:
        tasks = [
            TaskSpec(name="shapes", version="1", options=one, content_hash=f"{place}23456789")
            for place, one in enumerate(options)
        ]
        return {row.task for row in rows_of([make_record(task=task) for task in tasks])}

    assert named({"pictures": "drawn", "seed": 0}) == {"shapes"}
    blank = {"pictures": "blank", "seed": 0}
    assert named({"pictures": "drawn", "seed": 0}, blank) == {"shapes (pictures: drawn)", "shapes (pictures: blank)"}
    assert named({"pictures": "drawn", "seed": 1}, blank) == {"shapes (023456)", "shapes (123456)"}
    assert named({"pictures": "x" * 25, "seed": 0}, blank) == {"shapes (023456)", "shapes (123456)"}


def test_a_seed_that_did_not_end_is_seen_and_left_out_of_means() -> None:
    diverged = make_record(seed=1, outcome=Diverged(step=3, loss=float("nan")), metrics={"train_peak_bytes": 7.0})
    (row,) = rows_of([make_record(), diverged])
    assert (row.num_ok, row.outcome.kind) == (1, "diverged")
    assert row.metrics == make_record().metrics
    assert row.fronts == frozenset()
    (alone,) = rows_of([diverged])
    assert alone.metrics == {"train_peak_bytes": 7.0}
    assert alone.quality_interval is None


def test_fronts_are_drawn_inside_a_task_and_never_through_missing_figures() -> None:
    rows = {row.method: row.fronts for row in rows_of(make_records())}
    on_memory = {method for method, fronts in rows.items() if "train_peak_bytes" in fronts}
    assert on_memory == {"full", "dora", "lora", "ia3", "ln-tuning"}
    assert "checkpoint_bytes" not in rows["base"]
    assert rows["boft"] == frozenset()
    elsewhere = make_record("full", task=TaskSpec(name="other", version="1", content_hash="1"))
    assert "train_peak_bytes" in rows_of([*make_records(), elsewhere])[-1].fronts


def test_other_conditions_take_time_and_memory_from_the_front_but_not_sizes() -> None:
    busy = PROVENANCE.model_copy(update={"concurrent_workers": 2})
    lora, _ = rows_of([make_record("lora"), make_record("full", provenance=busy)])
    assert "step_seconds" not in lora.fronts
    assert "train_peak_bytes" in lora.fronts
    assert any("2 trials ran at once" in note for note in comparability_notes([make_record(provenance=busy)]))
    gpu = PROVENANCE.model_copy(update={"device": "a GPU"})
    records = [make_record("lora"), make_record("full", provenance=gpu)]
    assert rows_of(records)[0].fronts == {"checkpoint_bytes", "trainable_parameters", "forgetting"}
    assert "not comparable" in comparability_notes(records)[0]
    sharded = PROVENANCE.model_copy(update={"num_devices": 2})
    records = [make_record("lora"), make_record("full", provenance=sharded)]
    assert rows_of(records)[0].fronts == {"checkpoint_bytes", "trainable_parameters", "forgetting"}
    assert "numbers of devices" in comparability_notes(records)[0]
    untrained = [make_record("base"), make_record("lora", provenance=sharded)]
    assert comparability_notes(untrained) == []
    assert comparability_notes(make_records()) == []
