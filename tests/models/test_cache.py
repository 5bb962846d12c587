import errno
import multiprocessing
import os
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from paretune.packages.cache import build_once, cached
from paretune.spec import InputError
from paretune.store.cache_root import cache_root

_SPAWN = multiprocessing.get_context("spawn")
_PATIENCE_SECONDS = 300
"""How long a process is waited for that may never come; nothing takes so long."""


def _left(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "models").iterdir() if path.suffix != ".lock")


def _build(log: Path, building: Event, asked: Event) -> None:
    """Build what is whole only once `asked` is set: by the other one, just before it asks for the same."""

    def build(work: Path, result: Path) -> None:
        (work / "scratch").write_text("x")
        (result / "a").write_text("half")
        building.set()
        assert asked.wait(_PATIENCE_SECONDS)
        (result / "a").write_text("whole")
        with log.open("a") as file:
            file.write("built\n")

    folder = build_once("m", build, needed_bytes=1)
    assert (folder / "a").read_text() == "whole"


def _ask(building: Event, asked: Event) -> None:
    """Ask for what the other one is building."""
    assert building.wait(_PATIENCE_SECONDS)
    asked.set()
    folder = build_once("m", _must_not_build, needed_bytes=1)
    assert (folder / "a").read_text() == "whole"


def _build_without_end(started: Event) -> None:
    def build(work: Path, result: Path) -> None:
        (result / "a").write_text("half")
        started.set()
        _SPAWN.Event().wait()

    build_once("m", build, needed_bytes=1)


def _must_not_build(work: Path, result: Path) -> None:
    raise AssertionError("built again")


def test_two_processes_at_once_build_once(cache: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    building, asked = _SPAWN.Event(), _SPAWN.Event()
    workers = [
        _SPAWN.Process(target=_build, args=(log, building, asked)),
        _SPAWN.Process(target=_ask, args=(building, asked)),
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(_PATIENCE_SECONDS)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert log.read_text() == "built\n"
    assert _left(cache) == ["m"]
    assert [path.name for path in (cache / "models" / "m").iterdir()] == ["a"]
    assert build_once("m", _must_not_build, needed_bytes=1) == cached("m")


def test_after_a_kill_the_next_one_builds(cache: Path, tmp_path: Path) -> None:
    started = _SPAWN.Event()
    worker = _SPAWN.Process(target=_build_without_end, args=(started,))
    worker.start()
    assert started.wait(_PATIENCE_SECONDS)
    assert cached("m") is None
    worker.kill()
    worker.join(_PATIENCE_SECONDS)
    assert [name.startswith("m.partial-") for name in _left(cache)] == [True]
    again = _SPAWN.Event()
    again.set()
    _build(tmp_path / "log", _SPAWN.Event(), again)
    assert _left(cache) == ["m"]


def _fill_the_disk(work: Path, result: Path) -> None:
    (result / "a").write_text("half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _fill_the_disk_from_safetensors(work: Path, result: Path) -> None:
    raise RuntimeError("I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize("build", [_fill_the_disk, _fill_the_disk_from_safetensors])
def test_a_full_disk_says_how_much_is_needed(cache: Path, build: object) -> None:
    with pytest.raises(InputError, match=r"disk is full; m needs 12 MB .* PARETUNE_CACHE") as refusal:
        build_once("m", build, needed_bytes=12_000_000)  # type: ignore[arg-type]
    assert "\n" not in str(refusal.value)
    assert _left(cache) == []


def test_too_little_room_is_seen_before_anything_is_fetched(cache: Path) -> None:
    with pytest.raises(InputError, match="disk is full"):
        build_once("m", _must_not_build, needed_bytes=10**18)


def test_an_error_while_building_leaves_nothing(cache: Path) -> None:
    def build(work: Path, result: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build_once("m", build, needed_bytes=1)
    assert _left(cache) == []


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PARETUNE_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="PARETUNE_CACHE"):
        build_once("m", _must_not_build, needed_bytes=1)


def test_the_variable_moves_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_root() == cache
    monkeypatch.delenv("PARETUNE_CACHE")
    assert cache_root().name == "paretune"
