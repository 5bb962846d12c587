import io
import json
import re
from collections.abc import Sequence

import pytest
from rich.console import Console

from paretune.report import results_json, results_summary
from paretune.report.curves import caption, choice_text, curve_notes, curves_of, step_name
from paretune.report.html.curves_page import curve_specs, curves_section
from paretune.report.html.page import PageSources, render_page
from paretune.spec import PlannedStage, Record, StudyPlan, Tuning
from paretune.tune import Cell
from tests.records import make_record, make_study
from tests.tune.landscapes import Landscape, bowl, make_cell, play

BEST = {"lora": 2e-3, "full": 1e-2, "ia3": 1e-9, "oft": 5e-3}
CELLS = [make_cell("lora", 2e-3), make_cell("full", 2e-4), make_cell("ia3", 2e-2), make_cell("oft", 3e-3)]
TUNING = Tuning(max_widenings=1)


def tuned(
    tuning: Tuning = TUNING, cells: Sequence[Cell] = CELLS, landscape: Landscape | None = None
) -> tuple[list[Record], StudyPlan]:
    """Return the records and the plan of a tuning that has ended."""
    results: dict[str, Record] = {}
    search, asked = play(tuning, cells, landscape or bowl(BEST), results)
    ids = [tuple(trial.id for trial in trials) for trials in asked]
    stages = tuple(PlannedStage(name=f"tuning, round {number}", trial_ids=some) for number, some in enumerate(ids, 1))
    plan = StudyPlan(tuning=tuning, searches=tuple(search.searches), stages=stages)
    return list(results.values()), plan


def printed(records: list[Record], plan: StudyPlan, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(results_summary(records, plan=plan))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


TABLE = """\
No final trial has finished yet.

word_problems, tuning: validation loss on validation data at multiples of the default learning rate
Method Default   ÷5.6   ÷3.2   ÷1.8     ×1   ×1.8   ×3.2   ×5.6 Chosen
lora     0.002  0.562  0.250  0.063 *0.000  0.063  0.250  0.560 0.002
full    0.0002  5.995  4.837  3.806  2.886  2.098  1.438 *0.904 0.00112 (upper edge)
ia3       0.02 failed failed failed failed failed failed failed none: 7 diverged
oft      0.003  0.945  0.521  0.222  0.049 *0.001  0.077  0.280 0.00533

Best learning rate at the edge of the widest grid, a better one may lie beyond: full (upper).
ia3: no final trial, since no setting finished (7 diverged).
* chosen. Every method tried 7 learning rates, spaced by a factor of 1.8, and was judged by validation loss on
validation data (seed 0). The first 5 lie around its default; 1 lower and 1 higher ones were added for all
methods, because the best one of some method was at the edge. The results show the mean over the seeds of the
final trials, so their validation losses differ."""


def test_the_curves_as_they_are_seen() -> None:
    assert printed(*tuned()) == TABLE


def test_a_grid_that_was_not_widened_lies_around_the_default() -> None:
    _, plan = tuned(TUNING, [make_cell("lora", 2e-3)])
    assert caption(plan).startswith("Every method tried 5 learning rates, spaced by a factor of 1.8 around its default")
    assert "added" not in caption(plan)
    _, plan = tuned(TUNING, [make_cell("full", 2e-4)])
    assert ("5 lie around its default; 1 higher one was added for all methods, because the best one of some method was "
        "at the edge. The results show the mean") in caption(plan)  # fmt: skip


def test_tuning_trials_are_no_rows_and_tuned_rates_support_a_claim() -> None:
    records, plan = tuned()
    task = records[0].trial.task
    final = [make_record(label, seed=seed, task=task) for label in ("lora", "oft") for seed in (0, 1, 2)]
    value = results_json([*records, *final], plan=plan)
    assert [(row["method"], row["split"], len(row["seeds"])) for row in value["rows"]] == [
        ("lora", "test", 3),
        ("oft", "test", 3),
    ]
    assert not any("not tuned" in note for note in value["notes"])
    assert any("not tuned" in note for note in results_json(final)["notes"])
    text = printed([*records, *final], plan)
    assert text.index("word_problems, test split") < text.index("tuning: validation loss")


def test_json_holds_every_point_and_the_choice() -> None:
    records, plan = tuned()
    value = json.loads(json.dumps(results_json(records, plan=plan)["tuning"]))
    curves = {curve["method"]: curve for curve in value["curves"]}
    assert value["settings"]["rates"] == 5
    assert [len(curve["points"]) for curve in curves.values()] == [7] * 4
    assert curves["lora"]["chosen"] == {"learning_rate": 2e-3, "parameters": {}}
    tried = [point["figure"] for point in curves["lora"]["points"]]
    expected = curves["lora"]["expected_best"]
    assert expected[0] == pytest.approx(sum(tried) / len(tried))
    assert expected == sorted(expected, reverse=True)
    assert len(expected) == len(tried)
    assert curves["ia3"]["expected_best"] == []
    assert (curves["full"]["edge"], curves["oft"]["edge"]) == ("upper", None)
    assert curves["ia3"]["chosen"] is None
    assert {point["outcomes"][0] for point in curves["ia3"]["points"]} == {"diverged"}
    shown = {trial_id for curve in curves.values() for point in curve["points"] for trial_id in point["trial_ids"]}
    assert shown == {record.trial_id for record in records} == plan.trial_ids


def test_the_page_says_how_much_tuning_a_method_needs() -> None:
    records, plan = tuned()
    section = curves_section(curves_of(records, plan), plan)
    assert re.search(r"<td>0\.\d+ → 0\.\d+ → 0\.\d+</td>", section)


def test_while_tuning_goes_on_nothing_is_chosen() -> None:
    records, plan = tuned()
    curves = curves_of(records[:-1], plan)
    assert {choice_text(curve) for curve in curves} == {"not chosen yet"}
    assert curve_notes(curves) == []
    assert "–" in printed(records[:-1], plan)


def test_steps_are_named_by_their_factor() -> None:
    assert [step_name(step, 4) for step in (-4, -1, 0, 2)] == ["÷10", "÷1.8", "×1", "×3.2"]


def test_a_tuned_parameter_is_part_of_the_choice() -> None:
    cells = [make_cell("lora", 1e-3, {"r": (4, 16)})]
    records, plan = tuned(cells=cells, landscape=lambda trial: abs(trial.method.parameters["r"] - 16) + 1.0)
    (curve,) = curves_of(records, plan)
    assert choice_text(curve) == "0.000316, r = 16"
    (spec,) = curve_specs([curve], plan)
    rows = spec["layer"][0]["data"]["values"] if "data" in spec["layer"][0] else spec["data"]["values"]
    assert [row["on_line"] for row in rows] == [False, True] * 5


def test_the_page_draws_a_panel_for_each_method_and_marks_the_choice() -> None:
    records, plan = tuned()
    page = render_page(records, make_study(), PageSources(plan=plan))
    assert page.count('class="curve" id=') == 4
    assert "window.vegaEmbed=" in page
    found = re.search(r'id="page-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    specs = json.loads(found[1])["curves"]
    assert len(specs) == 4
    for spec, curve in zip(specs, curves_of(records, plan), strict=True):
        rows = spec["data"]["values"]
        chosen = [row["rate"] for row in rows if row["chosen"]]
        assert chosen == ([curve.best.candidate.learning_rate] if curve.best else [])
        assert [row["ok"] for row in rows] == [point.figure is not None for point in curve.points]


def test_all_panels_of_a_task_share_the_axis_of_the_figure() -> None:
    records, plan = tuned()
    specs = curve_specs(curves_of(records, plan), plan)
    domains = [layer["encoding"]["y"]["scale"]["domain"] for spec in specs for layer in spec["layer"]]
    assert {tuple(domain) for domain in domains} == {tuple(domains[0])}


@pytest.mark.parametrize("choose_by", ["validation_loss", "accuracy"])
def test_a_failed_setting_is_a_cross_at_the_worse_end(choose_by: str) -> None:
    tuning = Tuning.model_validate({"choose_by": choose_by, "max_widenings": 0})

    def landscape(trial: object) -> float | str:
        rate = getattr(trial, "learning_rate", 0.0)
        return "diverged" if rate > 3e-3 else 0.25 + 100 * rate

    records, plan = tuned(tuning, CELLS[:1], landscape)
    (spec,) = curve_specs(curves_of(records, plan), plan)
    figures = [row["figure"] for row in spec["data"]["values"] if row["ok"]]
    worst = (max if choose_by == "validation_loss" else min)(figures)
    assert [row["figure"] for row in spec["data"]["values"] if not row["ok"]] == [worst, worst]


def test_nothing_from_labels_or_parameters_becomes_markup() -> None:
    evil = "<img src=x onerror=alert(1)>"
    cells = [make_cell(evil, 1e-3, {evil: (evil, 1)})]
    records, plan = tuned(cells=cells, landscape=lambda trial: 1.0)
    section = curves_section(curves_of(records, plan), plan)
    assert evil not in section
    assert "&lt;img" in section
    assert evil not in render_page(records, make_study(), PageSources(plan=plan))


def test_a_study_that_does_not_tune_has_no_such_section() -> None:
    assert "curves-title" not in render_page([make_record()], make_study())
