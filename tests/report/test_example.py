"""The example of published results says what is computed from them."""

import re
from pathlib import Path

import pytest

from paretune.analysis import Row, clock_changes, judged_rows, no_answers
from paretune.analysis.table.clocks import FAR
from paretune.interop.importers import import_peft_comparison
from paretune.report.format import percent, probability, size
from paretune.store import load_records
from tests.outside import PUBLISHED, needs_published

FOLDER = Path(__file__).parents[2] / "docs" / "examples" / "peft-comparison"
TEXT = re.sub(r"\s+", " ", (FOLDER / "README.md").read_text(encoding="utf-8"))

pytestmark = needs_published


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    imports = import_peft_comparison(PUBLISHED, tmp_path_factory.mktemp("example"))
    return {done.folder.name: judged_rows(load_records(done.folder), no_answers) for done in imports}


def test_ties_are_those_of_the_data(rows: dict[str, list[Row]]) -> None:
    tied = [row for row in rows["peft-metamathqa"] if row.standing and row.standing.tied_for_best]
    tied.sort(key=lambda row: -row.metrics["accuracy"])
    assert f"{len(tied)} of 63 rows are tied for best" in TEXT
    assert f"{', '.join(row.method for row in tied)}." in TEXT
    assert f"The first has {percent(tied[0].metrics['accuracy'])}" in TEXT
    assert f"the last of them {percent(tied[-1].metrics['accuracy'])}" in TEXT


def test_the_front_and_its_probabilities_are_those_of_the_data(rows: dict[str, list[Row]]) -> None:
    cost, lines = "run_peak_reserved_bytes", []
    for row in sorted(rows["peft-metamathqa"], key=lambda row: row.metrics[cost]):
        assert row.standing is not None
        share = row.standing.front_probabilities[cost]
        if share >= 0.05 or cost in row.fronts:
            cells = [row.method, percent(row.metrics["accuracy"]), size(row.metrics[cost])]
            cells += ["yes" if cost in row.fronts else "no", probability(share)]
            lines.append(f"| {' | '.join(cells)} |")
    assert " ".join(lines) in TEXT


def test_clocks_are_those_of_the_data(rows: dict[str, list[Row]]) -> None:
    changes = clock_changes(rows["peft-metamathqa"])
    steps, published = sum(one.steps_seconds for one in changes), sum(one.published_seconds for one in changes)
    ratios = [one.ratio for one in changes]
    assert f"The steps take {steps / published:.0%} of it" in TEXT
    assert f"it is {min(ratios):.2f} to {max(ratios):.2f} times the time of the steps" in TEXT
    far = [one for one in changes if abs(one.published_place - one.steps_place) >= FAR]
    assert f"{len(far)} of 63 rows move five places or more" in TEXT
    assert [one.method for one in changes if one.steps_front and not one.published_front] == ["beft target-v_proj"]
    assert not [one.method for one in changes if one.published_front and not one.steps_front]


def test_pictures_are_those_of_the_data(rows: dict[str, list[Row]]) -> None:
    steps = [one.published_place - one.steps_place for one in clock_changes(rows["peft-image-gen"])]
    far = [step for step in steps if abs(step) >= FAR]
    assert f"{sum(step != 0 for step in steps)} of {len(steps)} rows change their place" in TEXT
    assert len(far) == 1
    assert "one of them by five or more" in TEXT
    cost = "train_peak_reserved_bytes"
    for row in rows["peft-image-gen"]:
        if cost in row.fronts:
            assert f"{row.metrics['similarity']:.3f} at {size(row.metrics[cost])}" in TEXT
        if row.method == "full-finetuning":
            assert "drift" not in row.fronts


def test_the_pages_are_there() -> None:
    for name in ("peft-metamathqa", "peft-image-gen"):
        page = (FOLDER / f"{name}.html").read_text(encoding="utf-8")
        assert "not measured by Paretune" in page
        assert "Published training time and the time of the steps" in page
