from pathlib import Path

import pyarrow.parquet
import pytest

from paretune.spec import InputError, TaskSpec
from paretune.store import Item, Store, load_records
from paretune.store.earlier_items import earlier_cluster
from paretune.store.items import items_bytes, read_scores
from paretune.tasks.own_data_v1 import OwnDataV1 as OwnData
from paretune.tasks.word_problems import WordProblems
from tests.records import make_record

KEPT = Path(__file__).parents[2] / "docs" / "examples" / "word-problems"


def test_clusters_are_kept_with_the_answers(tmp_path: Path) -> None:
    record = make_record("lora")
    items = [Item("a", "all", {"accuracy": 1.0}, "", "", "x"), Item("b", "all", {"accuracy": 0.0}, "", "")]
    (tmp_path / "items.parquet").write_bytes(items_bytes(record, items))
    scores = read_scores(
        tmp_path / "items.parquet", TaskSpec(name="own_data", version="1", content_hash=""), "accuracy"
    )
    assert scores == {"a": 1.0, "b": 0.0}
    assert scores.clusters == {"a": "x"}


def test_ids_of_word_problems_tell_the_template() -> None:
    task = WordProblems()
    for example in (*task.examples("test"), *task.examples("validation")):
        assert earlier_cluster(task.spec(), example.id) == example.cluster
    assert earlier_cluster(TaskSpec(name="gsm8k", version="1", content_hash=""), "test-seen-0") is None


def test_the_kept_study_has_its_templates_as_clusters() -> None:
    record = next(one for one in load_records(KEPT) if one.num_items)
    path = Store(KEPT).items_file(record)
    assert "cluster" not in pyarrow.parquet.read_schema(path).names
    scores = Store(KEPT).scores(record)
    assert scores is not None
    assert len(scores.clusters) == len(scores)
    assert len(set(scores.clusters.values())) > 10


@pytest.mark.parametrize("column", ["group", "customer"])
def test_the_group_column_of_own_data_is_the_cluster(tmp_path: Path, column: str) -> None:
    path = tmp_path / "data.jsonl"
    lines = [f'{{"prompt": "p{n}", "completion": "c", "{column}": "g{n % 3}"}}' for n in range(40)]
    path.write_text("\n".join(lines))
    plain = OwnData({"path": str(path)})
    assert "group" not in plain.spec().options
    options = {"path": str(path)} | ({"group": column} if column != "group" else {})
    assert {one.cluster for one in OwnData(options).examples("train")} == {"g0", "g1", "g2"}
    assert OwnData(options).content_hash == plain.content_hash


def test_a_missing_group_is_named_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"prompt": "p", "completion": "c"}\n')
    with pytest.raises(InputError, match=r'data.jsonl, line 1: nothing in column "customer", the option group'):
        OwnData({"path": str(path), "group": "customer"}).examples("train")


def test_a_group_may_be_any_value_that_a_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(f'{{"prompt": "p{n}", "completion": "c", "group": [{n % 2}]}}' for n in range(40)))
    assert {one.cluster for one in OwnData({"path": str(path)}).examples("train")} == {"[0]", "[1]"}
