"""The page about adding a kind of model shows the plug-in package as it is."""

import inspect
import re
from pathlib import Path

import pytest

from paretune.kinds import Kind
from paretune.testing import KindContract

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extend" / "kind.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "tests" / "plugin_package"
SNIPPETS = re.findall(r"^```(python|toml)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
ABSTRACT = {name for name, member in vars(Kind).items() if getattr(member, "__isabstractmethod__", False)}


@pytest.mark.parametrize(("language", "snippet"), SNIPPETS)
def test_every_snippet_is_a_part_of_the_package(language: str, snippet: str) -> None:
    suffix = {"python": "*.py", "toml": "*.toml"}[language]
    assert any(snippet in file.read_text(encoding="utf-8") for file in PACKAGE.rglob(suffix))


def test_the_page_has_snippets_of_both_kinds() -> None:
    assert {language for language, _ in SNIPPETS} == {"python", "toml"}


def test_what_may_be_left_out_exists_and_has_a_default() -> None:
    parts = re.findall(r"^\| `(\w+)", PAGE[PAGE.index("| part |") :], re.MULTILINE)
    assert len(parts) == 12
    assert all(hasattr(Kind, part) for part in parts)
    assert not ABSTRACT & set(parts)


def test_what_has_no_default_is_on_the_page() -> None:
    assert {"fits", "load", "build", "objective", "training_data", "evaluate"} == ABSTRACT
    assert all(f"`{name}`" in PAGE or f"def {name}(" in PAGE for name in ABSTRACT - {"fits", "objective"})


def test_it_counts_the_contract_s_tests_rightly() -> None:
    assert sum(name.startswith("test_") for name in dir(KindContract)) == 13
    assert "The thirteen tests" in PAGE


def test_every_method_of_a_kind_says_what_it_is_for() -> None:
    assert all(inspect.getdoc(member) for name, member in vars(Kind).items() if not name.startswith("_"))
