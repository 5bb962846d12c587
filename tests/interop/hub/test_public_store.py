"""The published copy says the same as the folder, without what is local or somebody's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from paretune.interop.hub.local_names import LocalNames, places_in
from paretune.interop.hub.public_store import holds_own_data, records_to_publish, write_public_store
from paretune.spec import Failed, InputError, Phase, Record, TaskSpec
from paretune.store import Item, Store, load_planned_records, query
from tests.records import make_record, make_study

KEPT = Path(__file__).parents[3] / "docs" / "examples" / "word-problems"
SECRET = "/home/ann/secret"


def own_task(**options: Any) -> TaskSpec:
    given = {"path": f"{SECRET}/my.jsonl", "test_path": None, **options}
    return TaskSpec(name="own_data", version="2", options=given, content_hash="0", locations=("path", "test_path"))


@pytest.fixture
def own(tmp_path: Path) -> Store:
    """A folder whose records hold paths wherever they may, and a customer's texts."""
    store = Store(tmp_path / "own")
    failed = Failed(error_type="OSError", message=f"{SECRET}/x y: gone", traceback=f'File "{SECRET}/a.py"')
    items = [Item(f"row {n}", "all", {"accuracy": 1.0}, "her answer", "her text", "customer ann") for n in range(4)]
    study = make_study(
        methods=["lora", "oft"], tasks=[{"name": "own_data", "options": {"path": f"{SECRET}/my.jsonl"}}],
        base_model=f"path:{SECRET}/model", general_text={"source": f"{SECRET}/t.txt"},
    )  # fmt: skip
    changes = {"task": own_task(), "base_model": f"path:{SECRET}/model", "base_content": "sha256:0"}
    with store.open_for_study(study):
        record = make_record("lora", **changes, notes=(f"UserWarning: {SECRET}/cache is slow",))
        store.append(record, items)
        store.append(make_record("oft", **changes, outcome=failed.model_copy(update={"phase": Phase.TRAIN})), None)
    return store


def copied(store: Store, target: Path, *, own_data: bool = False) -> Store:
    study, records = records_to_publish(store)
    write_public_store(store, target, LocalNames(places_in(records, study)), own_data=own_data)
    return Store(target)


def test_no_path_is_left_anywhere(own: Store, tmp_path: Path) -> None:
    public = copied(own, tmp_path / "public")
    for path in public.folder.rglob("*"):
        if path.is_file():
            assert b"ann/secret" not in path.read_bytes(), path
            assert b"/home" not in path.read_bytes(), path
    lora, oft = public.records()
    assert lora.trial.task.options["path"] == "my.jsonl"
    assert lora.trial.base_model == "path:model"
    assert lora.notes == ("UserWarning: cache is slow",)
    assert isinstance(oft.outcome, Failed)
    assert (oft.outcome.traceback, oft.outcome.error_type) == ("", "OSError")
    study = public.study()
    assert study is not None
    assert study.tasks[0].options == {"path": "my.jsonl"}


def test_the_trial_is_the_same(own: Store, tmp_path: Path) -> None:
    public = copied(own, tmp_path / "public")
    assert [one.trial.id for one in public.records()] == [one.trial.id for one in own.records()]
    assert [one.metrics for one in public.records()] == [one.metrics for one in own.records()]


def test_texts_of_own_data_are_published_where_it_is_asked_for_alone(own: Store, tmp_path: Path) -> None:
    public = copied(own, tmp_path / "public")
    items = public.items(public.records()[0])
    assert [item.scores for item in items] == [{"accuracy": 1.0}] * 4
    assert {(item.text, item.target, item.cluster) for item in items} == {("", "", "cluster 1")}
    everything = copied(own, tmp_path / "everything", own_data=True)
    assert everything.items(everything.records()[0]) == own.items(own.records()[0])


@pytest.mark.parametrize(
    ("task", "own_data"),
    [
        (TaskSpec(name="word_problems", version="2", content_hash="0"), False),
        (own_task(), True),
        (own_task(path="hf:me/private@main"), True),
        (TaskSpec(name="image_concept", version="1", content_hash="0", locations=("pictures",),
                  options={"pictures": "shipped:zib"}), False),
        (TaskSpec(name="of a plug-in that is gone", version="1", content_hash="0", locations=("x",)), True),
    ],
)  # fmt: skip
def test_data_that_a_task_brings_is_nobody_s_own(task: TaskSpec, own_data: bool) -> None:
    assert holds_own_data(task) is own_data


def test_a_published_study_reads_as_the_folder_does(tmp_path: Path) -> None:
    public = copied(Store(KEPT), tmp_path / "public")
    sql = "SELECT * FROM records ORDER BY trial_id"
    assert query(public.folder, sql) == query(KEPT, sql)

    def plain(records: list[Record]) -> list[Any]:
        return [json.loads(record.model_dump_json()) for record in records]

    assert plain(load_planned_records(public.folder)) == plain(load_planned_records(KEPT))
    scored = [record for record in public.records() if record.num_items is not None]
    assert scored
    assert all(public.scores(record) == Store(KEPT).scores(record) for record in scored)


def test_a_folder_without_records_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        records_to_publish(Store(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"no study\.json here"):
        records_to_publish(Store(tmp_path))
    with Store(tmp_path / "empty").open_for_study(make_study()):
        pass
    with pytest.raises(InputError, match="no records in it yet; run the study first"):
        records_to_publish(Store(tmp_path / "empty"))
