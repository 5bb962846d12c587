"""Differences to every baseline are those of a comparison of the two rows."""

import pytest

from benchmarks.page import made_up
from paretune.analysis.decisions.compare import compare_rows
from paretune.analysis.decisions.differences import Differences, differences_of
from paretune.analysis.table.comparison_set import ComparisonSet, make_comparison_set
from paretune.analysis.table.rows import Row, rows_of
from paretune.analysis.table.selection import View
from tests.records import make_record, make_study


def compared_rows(number: int) -> tuple[View, ComparisonSet]:
    records, answers = made_up(number, "answers")
    rows = tuple(rows_of([record for record in records if not record.trial.tunes]))
    compared = make_comparison_set(rows, answers)
    assert compared is not None
    return View(rows[0].task, rows[0].split, rows, make_study()), compared


def check(view: View, compared: ComparisonSet, found: Differences) -> None:
    """Compare every difference with that of the comparison of the two rows."""
    for number in range(found.num_baselines):
        baseline = view.name_of(found.rows[number])
        for row, apart in zip(found.rows[number + 1 :], found.apart[number], strict=True):
            comparison, _ = compare_rows(view, compared, view.name_of(row), baseline, {})
            assert apart == (comparison.difference, *comparison.interval)
            assert comparison.num_comparisons == found.num_pairs


@pytest.mark.parametrize(("most", "num_baselines"), [(15, 6), (14, 4), (9, 2), (1, 1)])
def test_they_are_those_of_a_comparison_for_as_many_baselines_as_fit(most: int, num_baselines: int) -> None:
    view, compared = compared_rows(6)
    preferred = sorted(compared.rows, key=lambda row: row.method, reverse=True)
    found = differences_of(compared, preferred, most)
    assert [row.method for row in found.rows] == [row.method for row in preferred]
    assert found.num_baselines == num_baselines
    assert found.paired
    check(view, compared, found)


def test_without_answers_they_are_unpaired() -> None:
    rows: tuple[Row, ...] = tuple(rows_of([make_record(label) for label in ("base", "lora", "oft")]))
    compared = make_comparison_set(rows, lambda record: None)
    assert compared is not None
    found = differences_of(compared, rows)
    assert not found.paired
    check(View(rows[0].task, rows[0].split, rows, make_study()), compared, found)
