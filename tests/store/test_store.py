import errno
import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from paretune.spec import Cancelled, Diverged, Failed, InputError, Record
from paretune.spec.record import SCHEMA_VERSION
from paretune.store import Item, Store, load_records
from tests.records import make_record, make_study

ITEMS = [
    Item("a", "seen", {"accuracy": 1.0, "accuracy_lenient": 1.0}, "4", "4"),
    Item("b", "unseen", {"accuracy": 0.0, "accuracy_lenient": 1.0}, "it is\n\u2028 5 \u00e9", "5"),
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


def filled(store: Store, *records: Record) -> Store:
    with store.open_for_study(make_study()):
        for record in records:
            store.append(record, ITEMS)
    return store


def test_records_are_json_that_every_reader_takes(store: Store) -> None:
    record = make_record(outcome=Diverged(step=1, loss=float("nan")), metrics={"train_loss": float("inf")})
    filled(store, record)
    text = (store.folder / "records" / f"{record.trial_id}-1.json").read_text()

    def refuse(name: str) -> None:
        raise AssertionError(name)

    assert json.loads(text, parse_constant=refuse)["metrics"] == {"train_loss": "Infinity"}
    (again,) = store.records()
    assert again.canonical_json() == record.canonical_json()


def test_what_is_written_is_read_again(store: Store) -> None:
    record = make_record()
    filled(store, record)
    assert store.study() == make_study()
    assert store.records() == load_records(store.folder) == [record]
    assert store.items(record) == ITEMS
    assert store.latest(record.trial_id) == record
    assert store.latest("0000") is None
    assert (store.next_attempt(record.trial_id), store.next_attempt("0000")) == (2, 1)


def test_only_the_latest_attempt_counts_and_ten_is_after_nine(store: Store) -> None:
    attempts = [make_record(attempt=number, outcome=Cancelled()) for number in (9, 1, 10)]
    for record in attempts:
        store.append(record, None)
    assert store.records() == [attempts[2]]
    assert store.next_attempt(attempts[0].trial_id) == 11


def test_records_come_in_the_order_of_the_study(store: Store) -> None:
    records = [make_record(label) for label in ("lora", "stray", "base")]
    filled(store, *records)
    assert [record.trial.method.label for record in store.records()] == ["base", "lora", "stray"]


def test_a_record_is_never_overwritten(store: Store) -> None:
    record = make_record()
    filled(store, record)
    with pytest.raises(InputError, match="already there"):
        store.append(make_record(outcome=Failed(error_type="E", message="m")), [])
    assert store.records() == [record]
    assert store.items(record) == ITEMS


def test_no_answers_are_no_file(store: Store) -> None:
    record = make_record(outcome=Cancelled())
    store.append(record, None)
    assert store.items(record) == []
    assert not store.items_file(record).exists()


def test_missing_and_damaged_answers_are_named(store: Store) -> None:
    record = make_record()
    filled(store, record)
    path = store.items_file(record)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match=rf"{path.name}: damaged"):
        store.items(record)
    path.unlink()
    with pytest.raises(InputError, match=rf"{path.name}: the answers"):
        store.items(record)


def test_a_full_disk_is_one_line_and_leaves_nothing_half(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    record = make_record()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with store.open_for_study(make_study()):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(InputError, match="No space left on device; free space") as caught:
                store.append(record, ITEMS)
        assert "\n" not in str(caught.value)
        assert store.records() == []
        assert not [path for path in store.folder.rglob("*") if path.suffix == ".tmp"]
        store.append(record, ITEMS)
    assert store.records() == [record]


def test_a_disk_without_hard_links_still_never_overwrites(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    test_a_record_is_never_overwritten(store)


def _append_and_die(folder: Path, moment: int) -> None:
    """Append a record in a process that is killed at its `moment`-th call that makes files last."""
    calls = 0

    def fatal(fd: object) -> None:
        nonlocal calls
        calls += 1
        if calls == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = fatal
    Store(folder).append(make_record(), ITEMS)


@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_a_kill_at_any_moment_leaves_all_or_nothing(store: Store, moment: int) -> None:
    filled(store)
    process = multiprocessing.get_context("fork").Process(target=_append_and_die, args=(store.folder, moment))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    record = make_record()
    found = store.records()
    assert found in ([], [record])
    if found:
        assert store.items(record) == ITEMS
    else:
        store.append(record, ITEMS)
        assert store.items(record) == ITEMS


@pytest.mark.parametrize("content", [b'{"schema_version": 2, "tri', b"", b"\xff\xfe", b"[1]", b"{}"])
def test_a_damaged_record_is_named_and_kept(store: Store, content: bytes) -> None:
    record = make_record()
    filled(store, record)
    path = store.folder / "records" / f"{record.trial_id}-1.json"
    path.write_bytes(content)
    for read in (store.records, lambda: store.latest(record.trial_id)):
        with pytest.raises(InputError, match=path.name) as caught:
            read()
        assert "\n" not in str(caught.value)
        assert "delete it and run" in str(caught.value) or "move it out of the folder" in str(caught.value)
    assert path.read_bytes() == content


def test_a_record_under_another_name_is_refused(store: Store) -> None:
    record = make_record()
    filled(store, record)
    path = store.folder / "records" / f"{record.trial_id}-1.json"
    path.rename(path.with_name(f"{record.trial_id}-2.json"))
    with pytest.raises(InputError, match="holds attempt 1"):
        store.records()


def test_leftovers_are_not_records(store: Store) -> None:
    record = make_record()
    filled(store, record)
    for name in (".x-1.json.abc.tmp", "x-1.json.tmp", "notes.txt", ".hidden-1.json"):
        (store.folder / "records" / name).write_text("{")
    assert store.records() == [record]


def test_records_of_the_oldest_layout_are_lifted(store: Store) -> None:
    filled(store)
    text = (Path(__file__).parents[1] / "assets" / "record_v1.json").read_text()
    trial_id = json.loads(text)["trial_id"]
    (store.folder / "records" / f"{trial_id}-1.json").write_text(text)
    (record,) = load_records(store.folder)
    assert (record.schema_version, record.attempt) == (SCHEMA_VERSION, 1)
    assert record.metric("train_peak_bytes") == 21034496


class TestFolder:
    def test_one_run_at_a_time(self, store: Store) -> None:
        with (
            store.open_for_study(make_study()),
            pytest.raises(InputError, match=r"another run .* --out"),
            Store(store.folder).open_for_study(make_study()),
        ):
            pass
        with store.open_for_study(make_study()):
            pass

    def test_the_folder_is_free_again_after_an_error(self, store: Store) -> None:
        with pytest.raises(RuntimeError), store.open_for_study(make_study()):
            raise RuntimeError
        with store.open_for_study(make_study()):
            pass

    def test_records_of_another_recipe_keep_the_folder(self, store: Store) -> None:
        filled(store, make_record())
        other = make_study(recipe={"steps": 41})
        with pytest.raises(InputError, match="steps") as caught, store.open_for_study(other):
            pass
        assert str(store.folder) in str(caught.value)
        assert "--out" in str(caught.value)
        assert store.study() == make_study()

    def test_a_study_that_left_no_record_may_be_mended(self, store: Store) -> None:
        filled(store)
        other = make_study(base_model="path:elsewhere")
        with store.open_for_study(other):
            assert store.study() == other

    def test_a_grown_study_is_kept(self, store: Store) -> None:
        filled(store, make_record())
        grown = make_study(seeds=[0, 1])
        with store.open_for_study(grown):
            assert store.study() == grown

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        store = Store(tmp_path / "file" / "results")
        assert store.latest("x") is None
        with (
            pytest.raises(InputError, match=r"results: cannot be written: .*--out"),
            store.open_for_study(make_study()),
        ):
            pass

    def test_a_damaged_study_is_named(self, store: Store) -> None:
        filled(store)
        (store.folder / "study.json").write_text("{")
        with pytest.raises(InputError, match=r"study\.json: damaged"):
            store.study()

    def test_a_damaged_reading_is_named(self, store: Store) -> None:
        filled(store, make_record())
        (store.folder / "reading.json").write_text("{")
        with pytest.raises(InputError, match=r"reading\.json: damaged"):
            store.records()

    def test_a_folder_of_something_else_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such folder"):
            load_records(tmp_path / "absent")
        with pytest.raises(InputError, match="neither"):
            load_records(tmp_path)
        filled(Store(tmp_path))
        assert load_records(tmp_path) == []
