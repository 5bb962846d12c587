from pathlib import Path

import pytest

from paretune.spec import InputError, Metric, OutOfMemory, TaskSpec
from paretune.store import Item, Store, query
from tests.records import make_record, make_study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = Store(tmp_path)
    items = [
        Item(
            str(number),
            "seen",
            {"accuracy": float(number % 4 == 0), "accuracy_lenient": float(number % 2 == 0)},
            "",
            "",
        )
        for number in range(8)
    ]
    with store.open_for_study(make_study()):
        store.append(make_record("base"), items)
        store.append(make_record("lora"), items[:4])
        store.append(make_record("dora", outcome=OutOfMemory()), None)
    return tmp_path


def test_a_row_for_each_record_and_missing_is_null(folder: Path) -> None:
    rows = query(folder, "SELECT method, outcome, step_seconds FROM records ORDER BY method")
    assert rows == [
        {"method": "base", "outcome": "ok", "step_seconds": None},
        {"method": "dora", "outcome": "out_of_memory", "step_seconds": None},
        {"method": "lora", "outcome": "ok", "step_seconds": 2.48},
    ]


def test_answers_join_their_record(folder: Path) -> None:
    sql = """SELECT method, count(*) AS n, avg(scores['accuracy']) AS share
             FROM items JOIN records USING (trial_id, attempt)
             GROUP BY method ORDER BY method"""
    assert query(folder, sql) == [
        {"method": "base", "n": 8, "share": 0.25},
        {"method": "lora", "n": 4, "share": 0.25},
    ]


def test_a_study_without_records_has_empty_tables(tmp_path: Path) -> None:
    with Store(tmp_path).open_for_study(make_study()):
        pass
    assert query(tmp_path, "SELECT * FROM records, items") == []


def test_a_metric_that_is_called_like_a_column_of_the_record_has_one_too(tmp_path: Path) -> None:
    declared = (Metric(name="split", label="Split", definition="Of tests."),)
    task = TaskSpec(name="texts", version="1", content_hash="fedcba9876543210", metrics=declared)
    with Store(tmp_path).open_for_study(make_study()):
        record = make_record("base", task=task)
        kept = record.model_copy(update={"metrics": {"split": 3.5}})
        Store(tmp_path).append(kept, [Item("1", "all", {"split": 3.5}, "", "")])
    assert query(tmp_path, "SELECT split, metric_split FROM records") == [{"split": "test", "metric_split": 3.5}]


@pytest.mark.parametrize("sql", ["SELEKT 1", "SELECT nothing FROM records", "SELECT * FROM read_csv('/etc/hostname')"])
def test_wrong_sql_is_one_line(folder: Path, sql: str) -> None:
    with pytest.raises(InputError, match="SQL cannot be run") as caught:
        query(folder, sql)
    assert "\n" not in str(caught.value)
