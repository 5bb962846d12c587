from pathlib import Path

import pytest

from paretune.execute.memory_kills import MemoryKills, memory_kills


def machine(folder: Path, cgroup: str, counters: dict[str, int]) -> MemoryKills:
    """Return what is read of a made-up kernel: the text of /proc/self/cgroup, and counters by file."""
    (folder / "proc/self").mkdir(parents=True, exist_ok=True)
    (folder / "proc/self/cgroup").write_text(cgroup)
    for name, number in counters.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"low 0\noom 7\noom_kill {number}\n")
    return memory_kills(folder / "proc", folder / "sys")


def test_the_control_group_of_the_process_counts_its_own(tmp_path: Path) -> None:
    found = machine(tmp_path, "0::/user/job\n", {"sys/user/job/memory.events": 2, "proc/vmstat": 9})
    assert found == MemoryKills(here=2, machine=9)


def test_so_does_one_of_version_1(tmp_path: Path) -> None:
    cgroup = "4:cpu,memory:/job\n3:cpu:/\n0::/\n"
    assert machine(tmp_path, cgroup, {"sys/memory/job/memory.oom_control": 3}).here == 3


def test_where_nothing_counts_nothing_is_known(tmp_path: Path) -> None:
    assert memory_kills(tmp_path / "proc", tmp_path / "sys") == MemoryKills(None, None)
    assert machine(tmp_path, "0::/\n", {"proc/vmstat": 1}) == MemoryKills(None, 1)


@pytest.mark.parametrize(
    ("before", "after", "ours"),
    [
        ((1, 5), (2, 6), True),
        ((1, 5), (1, 6), False),  # another process's
        ((None, 5), (None, 6), None),  # whose, cannot be known
        ((None, 5), (None, 5), False),
        ((None, None), (None, None), None),
    ],
)
def test_a_kill_elsewhere_is_not_ours(
    before: tuple[int | None, int | None], after: tuple[int | None, int | None], ours: bool | None
) -> None:
    assert MemoryKills(*after).rose_since(MemoryKills(*before)) is ours
