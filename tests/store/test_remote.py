import json
import multiprocessing
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from paretune.spec import InputError, Record
from paretune.store import Item, Store, load_records
from paretune.store.remote import Place, Superseded, address_of, checkpoint_url, local_folder, opened_for_writing
from paretune.store.remote.bucket import Bucket
from paretune.store.remote.hold import HOLD_FILE
from tests.buckets import Unreachable, register
from tests.records import make_record, make_study

ITEMS = [Item("a", "seen", {"accuracy": 1.0, "accuracy_lenient": 1.0}, "4", "4")]

_PATIENCE_SECONDS = 120
"""After which a process that never comes fails a test."""


@pytest.fixture
def url() -> Iterator[str]:
    register()
    name = uuid.uuid4().hex
    yield f"memory://{name}/study"
    memory = fsspec.filesystem("memory")
    if memory.exists(f"/{name}"):
        memory.rm(f"/{name}", recursive=True)


class Machines:
    """Moves between machines: each has a cache of its own."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._home = home
        self._monkeypatch = monkeypatch

    def go(self, name: str) -> None:
        self._monkeypatch.setenv("PARETUNE_CACHE", str(self._home / name))


@pytest.fixture(autouse=True)
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    found = Machines(tmp_path, monkeypatch)
    found.go("first")
    return found


def finish(place: Place, *records: Record) -> None:
    """Leave what a run leaves of finished trials."""
    store = Store(place.folder)
    with store.open_for_study(make_study()):
        for record in records:
            store.append(record, ITEMS)
            checkpoint = store.adapter_folder(record.trial_id, record.attempt)
            checkpoint.mkdir(parents=True)
            (checkpoint / "adapter.safetensors").write_bytes(b"weights of " + record.trial_id.encode())
            log = store.log_file(record.trial_id, record.attempt)
            log.parent.mkdir(exist_ok=True)
            log.write_text("a log")


def names_at(url: str) -> set[str]:
    return set(Bucket(url).listing())


def test_what_is_finished_on_one_machine_is_read_on_another(url: str, machines: Machines) -> None:
    record = make_record()
    with opened_for_writing(url) as place:
        finish(place, record)
    machines.go("second")
    records = load_records(url)
    assert records == [record]
    assert Store(records.folder).items(record) == ITEMS
    assert Store(records.folder).study() == make_study()
    assert address_of(records.folder) == url
    assert names_at(url) == {
        "study.json",
        f"records/{record.trial_id}-1.json",
        f"items/{record.trial_id}-1.parquet",
        f"adapters/{record.trial_id}-1/adapter.safetensors",
        f"logs/{record.trial_id}-1.log",
    }


def test_checkpoints_are_not_fetched_but_known(url: str, machines: Machines) -> None:
    record = make_record()
    with opened_for_writing(url) as place:
        finish(place, record)
    machines.go("second")
    folder, attempt = local_folder(url), f"{record.trial_id}-1"
    assert not (folder / "adapters").exists()
    assert checkpoint_url(folder, attempt) == f"{url}/adapters/{attempt}"
    assert checkpoint_url(folder, f"{record.trial_id}-2") is None


def test_a_record_is_there_as_soon_as_it_is_sent_and_only_then(url: str) -> None:
    first, second = make_record(seed=0), make_record(seed=1)
    with opened_for_writing(url) as place:
        finish(place, first)
        place.send()
        assert f"records/{first.trial_id}-1.json" in names_at(url)
        finish(place, second)
        assert f"records/{second.trial_id}-1.json" not in names_at(url)
    assert {record.trial_id for record in load_records(url)} == {first.trial_id, second.trial_id}


def test_a_run_goes_on_on_another_machine(url: str, machines: Machines) -> None:
    first, second = make_record(seed=0), make_record(seed=1)
    with opened_for_writing(url) as place:
        finish(place, first)
    machines.go("second")
    with opened_for_writing(url) as place:
        assert Store(place.folder).records() == [first]
        finish(place, second)
    machines.go("first")
    assert len(load_records(url)) == 2


def test_a_second_run_on_another_machine_is_refused(url: str, machines: Machines) -> None:
    with opened_for_writing(url):
        machines.go("second")
        with pytest.raises(InputError, match=rf"another run writes here \(on .*delete {url}/{HOLD_FILE}"):
            opened_for_writing(url).__enter__()
    with opened_for_writing(url):
        pass


def test_a_second_run_on_this_machine_is_refused(url: str) -> None:
    with (
        opened_for_writing(url),
        pytest.raises(InputError, match="another run on this machine"),
        opened_for_writing(url),
    ):
        pass


def test_what_a_killed_run_holds_is_taken_over_on_its_machine_alone(url: str, machines: Machines) -> None:
    with opened_for_writing(url):
        held = Bucket(url).read(HOLD_FILE)
    assert held is not None
    Bucket(url).create(HOLD_FILE, held)
    machines.go("second")
    with pytest.raises(InputError, match="another run writes"), opened_for_writing(url):
        pass
    machines.go("first")
    with opened_for_writing(url) as place:
        finish(place, make_record())
    assert HOLD_FILE not in names_at(url)


def test_a_run_that_was_superseded_writes_nothing_more(url: str, machines: Machines) -> None:
    refused = pytest.raises(Superseded, match="removed while this run writes")
    with refused, opened_for_writing(url) as place:
        Bucket(url).remove(HOLD_FILE)
        machines.go("second")
        with opened_for_writing(url):
            finish(place, make_record())
            with pytest.raises(Superseded, match="another run writes"):
                place.send()
    assert names_at(url) == set()


def test_a_record_that_is_there_is_never_replaced(url: str, machines: Machines) -> None:
    ours = make_record(started_at="2026-01-01T00:00:00Z")
    theirs = make_record(started_at="2026-02-02T00:00:00Z")
    assert ours.trial_id == theirs.trial_id
    name = f"records/{ours.trial_id}-1.json"
    refused = pytest.raises(Superseded, match="never replaced")
    with refused, opened_for_writing(url) as place:
        Bucket(url).create(name, theirs.model_dump_json().encode())
        finish(place, ours)
        place.send()
    assert Bucket(url).read(name) == theirs.model_dump_json().encode()


def test_a_record_whose_upload_was_repeated_counts_once(url: str) -> None:
    record = make_record()
    with opened_for_writing(url) as place:
        finish(place, record)
        (path,) = (place.folder / "records").glob("*.json")
        Bucket(url).create(f"records/{path.name}", path.read_bytes())
        place.send()
    assert load_records(url) == [record]


def test_what_changed_at_the_url_is_fetched_again_and_what_is_gone_goes(url: str, machines: Machines) -> None:
    first, second = make_record(seed=0), make_record(seed=1)
    with opened_for_writing(url) as place:
        finish(place, first, second)
    machines.go("second")
    assert len(load_records(url)) == 2
    changed = first.model_copy(update={"started_at": "2026-03-03T00:00:00Z"})
    memory = fsspec.filesystem("memory")
    root = memory._strip_protocol(url)
    memory.pipe_file(f"{root}/records/{first.trial_id}-1.json", changed.model_dump_json().encode())
    memory.rm_file(f"{root}/records/{second.trial_id}-1.json")
    assert load_records(url) == [changed]
    machines.go("first")
    assert load_records(url) == [changed]
    assert not Store(local_folder(url)).adapter_folder(second.trial_id, 1).exists()


def test_names_that_lead_out_of_the_folder_are_left_alone(url: str, tmp_path: Path) -> None:
    with opened_for_writing(url) as place:
        finish(place, make_record())
    bad = ("records/../../../escaped.json", "records/..json", "pictures/../x.webp", ".remote.json", "other.json")
    for name in bad:
        Bucket(url).create(name, b"{}")
    folder = local_folder(url)
    assert len(load_records(url)) == 1
    assert json.loads((folder / ".remote.json").read_text())["url"] == url
    assert not list(tmp_path.rglob("escaped.json"))


def test_an_empty_url_has_no_results(url: str) -> None:
    with pytest.raises(InputError, match=f"{url}: no results there"):
        load_records(url)


@pytest.mark.parametrize(("kind", "words"), [("looksfirst", "cannot|not written"), ("replacing", "replaces a file")])
def test_stores_that_cannot_keep_runs_apart_are_read_only(url: str, kind: str, words: str) -> None:
    with opened_for_writing(url) as place:
        finish(place, make_record())
    same = url.replace("memory", kind)  # both keep their files where memory:// does
    with pytest.raises(InputError, match=words), opened_for_writing(same):
        pass
    assert len(load_records(same)) == 1


def test_an_unreachable_store_is_one_line_and_results_wait(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = url.replace("memory", "unreachable")
    with pytest.raises(InputError, match="cannot be reached: Could not connect to the endpoint; check the address"):
        load_records(there)
    monkeypatch.setattr(Unreachable, "down", False)
    record = make_record()
    waits = pytest.raises(InputError, match="the same command sends them")
    with waits, opened_for_writing(there) as place:
        finish(place, record)
        monkeypatch.setattr(Unreachable, "down", True)
    monkeypatch.setattr(Unreachable, "down", False)
    with opened_for_writing(there) as place:
        assert Store(place.folder).records() == [record]
    assert load_records(url) == [record]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"].__dict__["_registry"], "s3", raising=False)
    with pytest.raises(InputError, match=r's3://bucket/study: s3:// needs .* pip install "paretune\[s3\]"'):
        load_records("s3://bucket/study")


def test_an_unknown_kind_of_url_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere://x: cannot be used: .*nowhere:// is unknown to fsspec"):
        load_records("nowhere://x")


def test_a_file_url_is_the_folder_itself(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/results"
    with opened_for_writing(url) as place:
        finish(place, make_record())
    assert place.folder == tmp_path / "results"
    assert load_records(url) == load_records(tmp_path / "results")


def hold(url: str, cache: str, start: Any, tried: Any, outcomes: Any) -> None:
    """Try to hold a URL at the same time as another process, and keep it until both have tried."""
    register()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARETUNE_CACHE", cache)
        start.wait(_PATIENCE_SECONDS)
        try:
            with opened_for_writing(url) as place:
                tried.wait(_PATIENCE_SECONDS)
                finish(place, make_record())
            outcomes.put("written")
        except InputError as error:
            tried.wait(_PATIENCE_SECONDS)
            outcomes.put(str(error))


def create(url: str, number: int, start: Any, outcomes: Any) -> None:
    register()
    bucket = Bucket(url)
    start.wait(_PATIENCE_SECONDS)
    outcomes.put([place for place in range(100) if bucket.create(f"records/{place}.json", b"%d" % number * 1000)])


def test_of_two_processes_one_writes(tmp_path: Path) -> None:
    register()
    context, url = multiprocessing.get_context("spawn"), f"bucket://{tmp_path}/bucket"
    start, tried, outcomes = context.Barrier(2), context.Barrier(2), context.Queue()
    both = [
        context.Process(target=hold, args=(url, str(tmp_path / name), start, tried, outcomes)) for name in ("a", "b")
    ]
    for process in both:
        process.start()
    refused, written = sorted(
        (outcomes.get(timeout=_PATIENCE_SECONDS) for _ in both), key=lambda text: text == "written"
    )
    for process in both:
        process.join()
    assert written == "written"
    assert "another run writes here" in refused
    assert len(load_records(url)) == 1


def test_of_two_processes_that_create_a_file_one_succeeds(tmp_path: Path) -> None:
    register()
    context, url = multiprocessing.get_context("spawn"), f"bucket://{tmp_path}/bucket"
    start, outcomes = context.Barrier(2), context.Queue()
    both = [context.Process(target=create, args=(url, number, start, outcomes)) for number in (1, 2)]
    for process in both:
        process.start()
    won = [outcomes.get(timeout=_PATIENCE_SECONDS) for _ in both]
    for process in both:
        process.join()
    assert sorted([*won[0], *won[1]]) == list(range(100))
    assert all(len(set(Bucket(url).read(f"records/{place}.json") or b"")) == 1 for place in range(100))
