"""Free memory is what the kernel says, within the limits of control groups. The kernel's files are made up."""

from pathlib import Path

import pytest

from paretune.models.free_memory import free_bytes, free_main_memory

MEMINFO = "MemTotal:       8000 kB\nMemFree:  100 kB\nMemAvailable:    4000 kB\n"


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("cgroup", "groups", "expected"),
    [
        ("", {}, 4000 * 1024),
        ("0::/job\n", {"job/memory.max": "max\n", "job/memory.current": "5\n"}, 4000 * 1024),
        ("0::/job\n", {"job/memory.max": "3000\n", "job/memory.current": "1000\n"}, 2000),
        ("0::/hidden\n", {"memory.max": "3000\n", "memory.current": "3500\n"}, 0),
        (
            "3:cpu:/x\n4:memory:/job\n",
            {"memory/job/memory.limit_in_bytes": "900\n", "memory/job/memory.usage_in_bytes": "400\n"},
            500,
        ),
    ],
)
def test_the_least_of_machine_and_control_groups(
    tmp_path: Path, cgroup: str, groups: dict[str, str], expected: int
) -> None:
    proc = written(tmp_path / "proc", {"meminfo": MEMINFO, "self/cgroup": cgroup})
    assert free_main_memory(proc, written(tmp_path / "groups", groups)) == expected


def test_where_nothing_says_it_it_is_not_known(tmp_path: Path) -> None:
    assert free_main_memory(tmp_path / "proc", tmp_path / "groups") is None
    assert free_bytes("mps") is None
