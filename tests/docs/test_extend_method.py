"""The page about adding a method shows the plug-in package as it is."""

import re
from pathlib import Path

import pytest

from paretune.methods import Method
from paretune.testing import MethodContract

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extend" / "method.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "tests" / "plugin_package"
SNIPPETS = re.findall(r"^```(python|toml)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("language", "snippet"), SNIPPETS)
def test_every_snippet_is_a_part_of_the_package(language: str, snippet: str) -> None:
    suffix = {"python": "*.py", "toml": "*.toml"}[language]
    assert any(snippet in file.read_text(encoding="utf-8") for file in PACKAGE.rglob(suffix))


def test_the_page_has_snippets_of_both_kinds() -> None:
    assert {language for language, _ in SNIPPETS} == {"python", "toml"}


def test_every_hook_and_file_that_it_names_exists() -> None:
    table = PAGE[PAGE.index("| need |") :]
    hooks = re.findall(r"\| `(\w+)\(", table)
    assert len(hooks) == 6
    assert all(hasattr(Method, hook) for hook in hooks)
    files = set(re.findall(r"`(\w+\.py)`", table))
    assert all((ROOT / "src" / "paretune" / "methods" / "hooks" / name).is_file() for name in files)


def test_it_counts_the_contract_s_tests_rightly() -> None:
    inherited = [name for name in dir(MethodContract) if name.startswith("test_")]
    assert len(inherited) == 12
    assert "The twelve tests" in PAGE
