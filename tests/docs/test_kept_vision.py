"""The kept study of an image-text model, and its control without images: their records and what the README says."""

from typing import Any

import pytest

from paretune.spec import Study
from tests.docs.kept import EXAMPLES, cells_in_readme, check_accuracies, check_records, kept_rows

STUDY, BLANK = EXAMPLES / "vision-mini", EXAMPLES / "vision-mini-blank"
STUDIES = EXAMPLES.parents[1] / "studies"


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    return kept_rows(STUDY)


def test_every_method_is_there_in_two_places_with_three_seeds(rows: dict[str, Any]) -> None:
    check_records(STUDY)
    trained = {name for name, row in rows.items() if row["learning_rate"] is not None}
    methods = {name.partition(" (")[0] for name in trained}
    assert trained == {f"{name} ({place})" for name in methods for place in ("language", "vision")}
    assert len(methods) >= 10
    assert all(rows[name]["seeds"] == [0, 1, 2] and rows[name]["num_settings_tried"] >= 3 for name in trained)


def test_the_readme_s_table_holds_the_records_figures(rows: dict[str, Any]) -> None:
    told = cells_in_readme(STUDY)
    check_accuracies(rows, told)
    for name, row in rows.items():
        seen, unseen = (row["groups"][group]["accuracy"] for group in ("seen", "unseen"))
        assert told[name][4] == f"{100 * seen:.0f} / {100 * unseen:.0f}%"


def test_without_images_the_same_methods_are_clearly_below(rows: dict[str, Any]) -> None:
    check_records(BLANK)
    blank = kept_rows(BLANK)
    with_images = Study.from_toml(STUDIES / "vision-mini.toml")
    without = Study.from_toml(STUDIES / "vision-mini-blank.toml")
    assert all(entry in with_images.methods for entry in without.methods)
    assert (without.recipe, without.tuning) == (with_images.recipe, with_images.tuning)
    for name in ("full (language)", "lora (language)"):
        assert rows[name]["intervals"]["accuracy"][0] > blank[name]["intervals"]["accuracy"][1]
