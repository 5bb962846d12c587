"""The words to avoid are looked for, and found."""

from pathlib import Path

import pytest

from tools.check_words import found, word_list

ROOT = Path(__file__).parents[2]


def test_the_documentation_and_the_package_have_none_of_them() -> None:
    assert not list(found(ROOT))


@pytest.mark.parametrize("avoid", ["for want of", "number format", "one question at a time"])
def test_a_place_is_told_with_what_to_write(avoid: str, tmp_path: Path) -> None:
    words = word_list((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    (tmp_path / "CONTRIBUTING.md").write_text((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    (tmp_path / "README.md").write_text(f"Fine.\nThis is {avoid.upper()} here.\n")
    (line,) = found(tmp_path)
    assert line == f'README.md:2: "{avoid}": write {words[avoid]}'
