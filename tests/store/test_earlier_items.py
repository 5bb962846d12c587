"""Items files from before scores had a column of their own are read as today's."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from paretune.spec import InputError
from paretune.store import Item, Store, load_records
from tests.records import make_record

KEPT = Path(__file__).parents[2] / "docs" / "examples" / "word-problems"
EARLIER = pa.schema(
    [
        ("trial_id", pa.string()),
        ("attempt", pa.int64()),
        ("item_id", pa.string()),
        ("group", pa.string()),
        ("strict", pa.bool_()),
        ("lenient", pa.bool_()),
        ("text", pa.string()),
        ("target", pa.string()),
        ("published", pa.bool_()),
        ("cluster", pa.string()),
        ("score", pa.float64()),
    ]
)


def kept(folder: Path, rows: list[dict[str, object]]) -> Store:
    """Return a store with one record and an earlier items file."""
    store, record = Store(folder), make_record("lora", num_items=len(rows))
    store.append(record, [])
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema=EARLIER), store.items_file(record))
    return store


def test_answers(tmp_path: Path) -> None:
    rows = [
        {"item_id": "a", "group": "s", "strict": True, "lenient": True, "text": "4", "target": "4", "cluster": "x"},
        {"item_id": "b", "group": "u", "strict": False, "lenient": True, "text": "", "target": "5", "published": False},
    ]
    store, record = kept(tmp_path, rows), make_record("lora", num_items=2)
    assert store.items(record) == [
        Item("a", "s", {"accuracy": 1.0, "accuracy_lenient": 1.0}, "4", "4", "x"),
        Item("b", "u", {"accuracy": 0.0, "accuracy_lenient": 1.0, "accuracy_published": 0.0}, "", "5"),
    ]
    assert store.scores(record) == {"a": 1.0, "b": 0.0}
    assert store.scores(record, "accuracy_lenient") == {"a": 1.0, "b": 1.0}
    assert store.scores(record, "accuracy_published") == {"b": 0.0}


def test_drawings(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"item_id": "a.png/0", "group": "all", "score": 0.75, "text": "a zib", "target": "a.png"}
    ]
    store = kept(tmp_path, rows)
    record = make_record("lora", num_items=1).model_copy(update={"metrics": {"similarity": 0.75}})
    assert store.items(record) == [Item("a.png/0", "all", {"similarity": 0.75}, "a zib", "a.png")]
    assert store.scores(record) == {"a.png/0": 0.75}


def test_the_kept_study_has_the_shares_that_its_records_say() -> None:
    store = Store(KEPT)
    for record in load_records(KEPT):
        if record.has_answers:
            items = store.items(record)
            for name in ("accuracy", "accuracy_lenient"):
                assert sum(item.scores[name] for item in items) / len(items) == pytest.approx(record.metrics[name])


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    store, record = kept(tmp_path, []), make_record("lora", num_items=1)
    store.items_file(record).write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"\.parquet: damaged .*; delete it and its record, then run again"):
        store.items(record)
    store.items_file(record).unlink()
    with pytest.raises(InputError, match="the answers of this trial are missing"):
        store.items(record)
