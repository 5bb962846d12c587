"""The kept study of classification: its records can be read, it says what its README says, a second count agrees."""

from typing import Any

import pytest

from benchmarks.recount import compare
from tests.docs.kept import EXAMPLES, cells_in_readme, check_accuracies, check_records, kept_rows

STUDY = EXAMPLES / "classification-minilm"


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    return kept_rows(STUDY)


def test_every_trial_ended_well_and_every_method_has_three_seeds(rows: dict[str, Any]) -> None:
    check_records(STUDY)
    trained = {name for name, row in rows.items() if row["learning_rate"] is not None}
    assert len(trained) == 36
    assert all(rows[name]["seeds"] == [0, 1, 2] and rows[name]["num_settings_tried"] >= 3 for name in trained)
    assert rows.keys() - trained == {"base", "tfidf"}


def test_a_second_count_agrees(rows: dict[str, Any]) -> None:
    assert compare(STUDY, list(rows.values())) == 0


def test_the_readme_s_table_holds_the_records_figures(rows: dict[str, Any]) -> None:
    told = cells_in_readme(STUDY)
    check_accuracies(rows, told)
    for name, row in rows.items():
        assert told[name][4] == f"{row['metrics']['macro_f1']:.1%}"
