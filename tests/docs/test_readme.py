"""The README says what is there: its links, its study file, its options, its Python and the values of the example."""

import re
import tomllib
from pathlib import Path
from statistics import fmean

import pytest
import typer.main

import paretune
from paretune.cli.app import app
from paretune.spec import Study
from paretune.store import load_planned_records

ROOT = Path(__file__).parents[2]
CLUSTER = (ROOT / "docs" / "guide" / "cluster.md").read_text(encoding="utf-8")
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
STUDY = ROOT / "docs" / "examples" / "word-problems"


def _snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def test_every_link_leads_to_a_file() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in link]
    assert "docs/images/page.png" in links
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []
    anchored = [link.split("#") for link in links if "#" in link]
    assert anchored
    for file, anchor in anchored:
        headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}


def test_the_picture_is_small() -> None:
    assert (ROOT / "docs" / "images" / "page.png").stat().st_size < 300_000


def test_the_study_file_can_be_used() -> None:
    (snippet,) = _snippets("toml")
    assert Study.read(tomllib.loads(snippet), "README.md").tuning is not None


@pytest.mark.parametrize("line", re.findall(r"(?:^|`|: )paretune (.+?)(?:`|$)", TEXT + CLUSTER, re.MULTILINE))
def test_every_command_and_option_exists(line: str) -> None:
    command = typer.main.get_command(app)
    words = line.partition("#")[0].split()
    while (inner := getattr(command, "commands", None)) is not None:
        command = inner[words.pop(0)]
    known = {name for option in command.params for name in option.opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_the_python_snippet_uses_the_public_api() -> None:
    (snippet,) = _snippets("python")
    compile(snippet, "README.md", "exec")
    (names,) = re.findall(r"from paretune import (.+)", snippet)
    assert set(names.split(", ")) <= set(paretune.__all__)


def test_the_values_of_the_example_are_those_of_its_records() -> None:
    text = " ".join(TEXT.split())
    difference = paretune.compare(STUDY, "rslora", "lora")
    low, high = (f"{100 * end:.0f}" for end in difference.interval)
    assert f"{100 * difference.difference:.0f}" == "5"
    assert "looks five points better than LoRA" in text
    assert f"of that difference, for this pair alone, goes from {low} to +{high} points" in text
    finals = [record for record in load_planned_records(STUDY) if not record.trial.tunes]
    accuracy = {(one.trial.method.label, one.trial.seed): 100 * one.metrics["accuracy"] for one in finals}
    won, lost = (accuracy["full", seed] - accuracy["lora", seed] for seed in (0, 1))
    assert f'With seed 0 alone, full fine-tuning would have "beaten" LoRA by {won:.0f} points' in text
    assert f"with seed 1 alone, it would have lost by {-lost:.0f} (" in text
    by_seed = [100 * one.difference for one in paretune.compare(STUDY, "full", "lora").by_seed]
    assert by_seed[:2] == pytest.approx([won, lost])
    means = {label: fmean(accuracy[label, seed] for seed in (0, 1, 2)) for label in ("rslora", "lora")}
    assert means["rslora"] - means["lora"] == pytest.approx(100 * difference.difference)
