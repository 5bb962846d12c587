"""The page about adding an executor shows the one that is tested."""

import re
from pathlib import Path

import pytest

from paretune.models import devices
from paretune.testing import ExecutorContract

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extend" / "executor.md").read_text(encoding="utf-8")
TESTED = [
    (ROOT / "tests" / "execute" / name).read_text(encoding="utf-8") for name in ("one_by_one.py", "test_executors.py")
]
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_every_snippet_is_a_part_of_what_is_tested(snippet: str) -> None:
    assert any(snippet in text for text in TESTED)


def test_it_counts_the_contract_s_tests_rightly() -> None:
    assert sum(name.startswith("test_") for name in dir(ExecutorContract)) == 11
    assert "its eleven tests" in PAGE


def test_what_it_says_of_devices_exists() -> None:
    names = re.findall(r"`(\w+)\(", PAGE[PAGE.index("## 3.") : PAGE.index("## 4.")])
    assert len(names) == 4
    assert all(hasattr(devices, name) for name in names)
