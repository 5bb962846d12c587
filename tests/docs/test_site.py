"""Links of the documentation hold in the repository and on the site; what is made from code is complete."""

import re
from pathlib import Path

import pytest
import typer.main

import paretune
from paretune.cli.app import app
from tools.site.commands import command_reference
from tools.site.links import anchors
from tools.site.links_of_site import problems_of_site
from tools.site.sources import broken_links, pages, write_pages

ROOT = Path(__file__).parents[2]
MADE = {"reference/commands.md", "reference/python.md", "extend/contract-tests.md", "decisions/index.md"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small repository: README, CONTRIBUTING, a guide, a decision, an example with its page, and code."""
    files = {
        "README.md": "# Home\n\n[Guide](docs/guide/first.md#a--b) [why](docs/decisions/) [code](src/code.py)\n",
        "CONTRIBUTING.md": "# Contributing\n",
        "src/code.py": "",
        "docs/guide/first.md": "# First\n\n## A & b\n\n`[no](link.md)` [one](../examples/one/README.md) [up](#a--b)\n",
        "docs/decisions/0001-first.md": "# 1. The first\n",
        "docs/examples/one/README.md": "# One\n\n[The page](index.html), [tests](../../../src)\n\n## More\n",
        "docs/examples/one/index.html": "<title>One</title>",
        "docs/examples/one/records/a.json": "{}",
    }
    for name, text in files.items():
        file = tmp_path / "repository" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path / "repository"


def test_no_link_of_the_documentation_is_broken() -> None:
    assert not list(broken_links(ROOT))


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("third.md", "there is no such file"),
        ("first.md#c", 'no heading has the anchor "c"'),
        ("#c", 'no heading has the anchor "c"'),
    ],
)
def test_a_broken_link_is_named(repository: Path, link: str, problem: str) -> None:
    (repository / "docs" / "guide" / "second.md").write_text(f"# Second\n\n[x]({link})\n")
    assert list(broken_links(repository)) == [f"docs/guide/second.md: {link}: {problem}"]
    with pytest.raises(ValueError, match=re.escape(link)):
        write_pages(repository, repository.parent / "pages")


def test_a_link_in_code_is_none(repository: Path) -> None:
    (repository / "docs" / "guide" / "second.md").write_text("# Second\n\n```md\n[x](no.md)\n```\n\n`[x](no.md)`\n")
    assert not list(broken_links(repository))


def test_links_lead_to_the_pages_of_the_site(repository: Path, tmp_path: Path) -> None:
    write_pages(repository, tmp_path / "pages")
    home = (tmp_path / "pages" / "index.md").read_text()
    assert "(guide/first.md#a--b) [why](decisions/index.md)" in home
    assert "[code](https://github.com/paretune/paretune/blob/main/src/code.py)" in home
    guide = (tmp_path / "pages" / "guide" / "first.md").read_text()
    assert "`[no](link.md)` [one](../examples/one.md) [up](#a--b)" in guide
    assert "[The first](0001-first.md)" in (tmp_path / "pages" / "decisions" / "index.md").read_text()


def test_the_page_of_an_example_is_copied_and_embedded(repository: Path, tmp_path: Path) -> None:
    write_pages(repository, tmp_path / "pages")
    example = (tmp_path / "pages" / "examples" / "one.md").read_text()
    assert "[The page](one/index.html)" in example
    assert example.index('<iframe class="study" src="one/index.html"') < example.index("## More")
    assert "[tests](https://github.com/paretune/paretune/tree/main/src)" in example
    assert (tmp_path / "pages" / "examples" / "one" / "index.html").read_text() == "<title>One</title>"
    assert not (tmp_path / "pages" / "examples" / "one" / "records").exists()


def test_anchors_are_those_of_git_hosts() -> None:
    text = "# A `b_c`: d & e\n\n```sh\n# no heading\n```\n\n## [Linked](x.md) – twice\n"
    assert anchors(text) == {"a-b_c-d--e", "linked--twice"}


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page() -> None:
    entries = re.findall(r"^ +- [^:\n]+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    places = {place for place in pages(ROOT).values() if place.endswith(".md")} | MADE
    listed = {place for place in places if not re.match(r"decisions/\d", place)}
    assert len(entries) == len(set(entries))
    assert set(entries) == listed


def test_the_command_reference_has_every_command_and_option() -> None:
    text = command_reference()

    def look(name: str, command: object) -> None:
        for word, inner in getattr(command, "commands", {}).items():
            look(f"{name} {word}", inner)
        if not hasattr(command, "commands"):
            section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
            names = {option for one in command.params if not one.hidden for option in one.opts if option[0] == "-"}  # type: ignore[attr-defined]
            shown = re.findall(r"^`(-.+)`$", section, re.MULTILINE)
            assert {word for line in shown for word in re.findall(r"(?<![\w-])--?[\w-]+", line)} >= names
            assert section.rstrip().endswith("```"), f"{name} has no example"

    look("paretune", typer.main.get_command(app))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="no.html">x</a>', "no.html: there is no such file"),
        ('<a href="index.html#no">x</a>', 'index.html#no: there is no anchor "no"'),
        ('<script src="https://example.org/x.js"></script>', "https://example.org/x.js: is loaded from elsewhere"),
        ('<img src="//example.org/x.png">', "//example.org/x.png: is loaded from elsewhere"),
    ],
)
def test_a_problem_of_the_built_site_is_named(tmp_path: Path, body: str, problem: str) -> None:
    (tmp_path / "index.html").write_text(body)
    assert list(problems_of_site(tmp_path)) == [f"index.html: {problem}"]


def test_a_site_without_problems_has_none(tmp_path: Path) -> None:
    (tmp_path / "a b.html").write_text('<h1 id="x">x</h1><a href="https://example.org">y</a><a href="#x">z</a>')
    (tmp_path / "index.html").write_text(
        '<a href="a%20b.html#x">x</a><link rel="canonical" href="https://example.org">'
    )
    assert not list(problems_of_site(tmp_path))


def test_the_python_reference_has_every_public_name_and_what_functions_return() -> None:
    pytest.importorskip("griffe", reason="griffe comes with the packages of `make site`")
    from tools.site.api import load_package, python_reference, testing_reference

    package = load_package(ROOT / "src")
    text = python_reference(package)
    shown = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    assert {f"paretune.{name}" for name in paretune.__all__} < set(shown)
    assert "paretune.analysis.decisions.comparison.Comparison" in shown
    assert "::: paretune.testing.MethodContract\n" in testing_reference(package)
