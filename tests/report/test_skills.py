"""General skills in table, page, JSON, comparisons and recommendations."""

import json
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from paretune.analysis import Evidence, judged_rows, no_answers
from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.decisions.requirements import parse_limit
from paretune.analysis.table.comparison_set import make_comparison_set
from paretune.analysis.table.rows import rows_of
from paretune.report import results_json, results_summary
from paretune.report.decisions import recommendation_lines
from paretune.report.html.page import render_page
from paretune.report.html.page_table import further_columns, table_columns
from paretune.spec import METRICS, Record, SkillResult
from paretune.spec.record import summary
from tests.records import make_record, make_study

BEFORE = [1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
KEPT = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0]
LOST = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0]


def with_skills(label: str, after: list[float], seed: int = 0) -> Record:
    """Return a made-up record that was asked two skills, of which the second loses nothing."""
    first = SkillResult.of("arc", METRICS["accuracy"], BEFORE, after)
    second = SkillResult.of("<b>boolq", METRICS["accuracy"], BEFORE, BEFORE)
    changes = np.array([*first.changes, *second.changes])
    record = make_record(label, seed=seed)
    return record.model_copy(
        update={
            "skills": (first, second),
            "metrics": {**record.metrics, "skills_lost": float(changes.mean())},
            "standard_errors": {**record.standard_errors, "skills_lost": float(changes.std(ddof=1) / 20**0.5)},
        }
    )


RECORDS = [with_skills("base", BEFORE), with_skills("lora", LOST), with_skills("oft", KEPT)]


def printed() -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(results_summary(RECORDS))
    return console.export_text()


def test_a_result_says_what_was_lost_in_points() -> None:
    found = SkillResult.of("arc", METRICS["accuracy"], BEFORE, LOST)
    assert (found.before, found.after) == (0.7, 0.4)
    assert found.lost == pytest.approx(30.0)
    assert sum(found.changes) == 300.0


def test_the_table_has_a_column_and_says_what_was_asked() -> None:
    text = printed()
    assert "Skills" in text.splitlines()[1]
    assert "15.0 points ±8.2" in text
    assert "10 questions, accuracy" in text
    assert "negative: it rose" in text


def test_each_skill_stands_by_itself_for_machines_and_on_the_page() -> None:
    (arc, boolq) = results_json(RECORDS)["rows"][1]["skills"]
    assert (arc["name"], arc["before"], arc["after"]) == ("arc", 0.7, 0.4)
    assert arc["lost"] == pytest.approx(30.0)
    assert boolq["lost"] == 0.0
    assert "skills" not in results_json([make_record()])["rows"][0]
    assert "changes" not in json.dumps(summary(RECORDS[1]))
    rows = rows_of(RECORDS)
    shown = table_columns(rows)
    assert "skills_lost" in [column.key for column in shown]
    (column,) = [one for one in further_columns(rows, shown) if one.label == "Skills lost (arc)"]
    cell = column.cell(rows[1])
    assert cell.text == "30.0 points"
    assert cell.value == pytest.approx(30.0)
    assert "70.0% before, 40.0% after" in cell.extra
    assert "<b>boolq" not in render_page(RECORDS, make_study(methods=["base", "lora", "oft"]))


def test_methods_are_compared_question_by_question() -> None:
    """Draws are over the same questions for all methods, so a difference is as sure as its pairs are."""
    rows = [row for row in judged_rows(RECORDS, no_answers, RECORDS) if row.trains]
    compared = make_comparison_set(rows, no_answers)
    assert compared is not None
    draws = compared.metric_draws("skills_lost")
    assert draws.mean(axis=0) == pytest.approx([15.0, 0.0], abs=1.0)
    own = draws.std(axis=0)
    assert own == pytest.approx([8.2, 7.1], rel=0.15)
    difference = (draws[:, 0] - draws[:, 1]).std()
    pairs = np.array(RECORDS[1].skill_changes) - np.array(RECORDS[2].skill_changes)
    assert difference == pytest.approx(pairs.std() / 20**0.5, rel=0.15)


def test_a_limit_in_points_rules_out_what_loses_more() -> None:
    limit = parse_limit("skills_lost<=2", "test")
    found = recommend_from(Evidence(tuple(RECORDS), no_answers), limits=[limit])
    assert [one.name for one in found.shortlist] == ["oft"]
    text = "\n".join(recommendation_lines(found))
    assert "skills lost at most 2.0 points" in text
    assert "skills lost 15.0 points, wanted at most 2.0 points" in text
