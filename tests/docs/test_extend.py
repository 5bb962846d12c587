"""The pages about adding a method and a task show the plug-in package as it is."""

import re
from pathlib import Path

import pytest

from paretune.methods import Method
from paretune.spec import Metric
from paretune.tasks import options
from paretune.testing import MethodContract, MetricContract, TaskContract

ROOT = Path(__file__).parents[2]
_NAMES = ("method", "task", "metric")
PAGES = {name: (ROOT / "docs" / "extend" / f"{name}.md").read_text(encoding="utf-8") for name in _NAMES}
PACKAGE = ROOT / "tests" / "plugin_package"
SNIPPETS = [
    (name, *snippet)
    for name, page in PAGES.items()
    for snippet in re.findall(r"^```(python|toml)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
]


@pytest.mark.parametrize(("page", "language", "snippet"), SNIPPETS)
def test_every_snippet_is_a_part_of_the_package(page: str, language: str, snippet: str) -> None:
    suffix = {"python": "*.py", "toml": "*.toml"}[language]
    assert any(snippet in file.read_text(encoding="utf-8") for file in PACKAGE.rglob(suffix))


@pytest.mark.parametrize("page", PAGES)
def test_the_page_has_snippets_of_both_kinds(page: str) -> None:
    assert {language for name, language, _ in SNIPPETS if name == page} == {"python", "toml"}


def test_every_hook_and_file_that_it_names_exists() -> None:
    table = PAGES["method"][PAGES["method"].index("| need |") :]
    hooks = re.findall(r"\| `(\w+)\(", table)
    assert len(hooks) == 6
    assert all(hasattr(Method, hook) for hook in hooks)
    files = set(re.findall(r"`(\w+\.py)`", table))
    assert all((ROOT / "src" / "paretune" / "methods" / "hooks" / name).is_file() for name in files)


@pytest.mark.parametrize(
    ("page", "contract", "words"),
    [
        ("method", MethodContract, "The thirteen tests"),
        ("task", TaskContract, "The ten tests"),
        ("metric", MetricContract, "The four tests"),
    ],
)
def test_it_counts_the_contract_s_tests_rightly(page: str, contract: type, words: str) -> None:
    inherited = [name for name in dir(contract) if name.startswith("test_")]
    assert len(inherited) == {"The thirteen tests": 13, "The ten tests": 10, "The four tests": 4}[words]
    assert words in PAGES[page]


def test_every_field_and_kind_that_it_names_exists() -> None:
    table = PAGES["task"][PAGES["task"].index("| field |") : PAGES["task"].index("`METRICS[")]
    fields = [
        name for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    ]
    assert set(fields) == set(Metric.model_fields) - {"phase"}
    kinds = re.search(r"`paretune.tasks.options` \((.*?), \.\.\.\)", PAGES["task"])
    assert kinds is not None
    assert all(hasattr(options, name) for name in re.findall(r"`(\w+)`", kinds[1]))
