"""Results for machines."""

import json
import math
from collections.abc import Sequence
from typing import Any

from paretune.analysis import Answers, Row, judged_rows, no_answers
from paretune.analysis.statistics.ranks import Standing
from paretune.analysis.table.floor import Floor, floor_notes
from paretune.report.amounts import power_notes, training_json
from paretune.report.audit_marks import audit_notes, audit_warnings, marks_for
from paretune.report.cost import cost_json
from paretune.report.curves import curves_json, curves_of
from paretune.report.skills import skills_json
from paretune.report.wording import claim_notes, notes, row_outcome
from paretune.spec import Record, StudyPlan


def results_json(
    records: Sequence[Record],
    answers: Answers = no_answers,
    plan: StudyPlan | None = None,
    floor: Floor | None = None,
    price: float | None = None,
) -> dict[str, Any]:
    """Return the rows and notes of these records as plain JSON values, in the order of the records.

    Tuning trials are no rows; with the plan of a tuned study they are under "tuning", as response curves.

    Values are in base units, and missing ones are absent. What is no finite number is a string, "NaN" or "Infinity",
    as it is in records.
    """
    final = [record for record in records if not record.trial.tunes]
    rows = judged_rows(final, answers, records, floor)
    value: dict[str, Any] = {
        "rows": [_row(row) for row in rows],
        "notes": [
            *claim_notes(final, rows),
            *power_notes(rows),
            *floor_notes(rows, floor),
            *notes(final, rows),
            *audit_notes(rows),
        ],
        **cost_json(records, price),
    }
    return value if plan is None else value | {"tuning": curves_json(curves_of(records, plan), plan)}


def _row(row: Row) -> dict[str, Any]:
    interval = row.quality_interval
    audit = marks_for(row)
    return {
        "task": row.task,
        "split": row.split,
        "method": row.method,
        "learning_rate": row.learning_rate,
        "answer_batch_size": row.answer_batch_size,
        "generator": row.records[0].generator,
        "num_settings_tried": row.num_tried,
        "seeds": list(row.seeds),
        "trial_ids": [record.trial_id for record in row.records],
        "outcome": json.loads(row.outcome.model_dump_json(exclude={"traceback"})),
        "outcome_text": row_outcome(row),
        "num_ok": row.num_ok,
        **training_json(row.records[0]),
        "metrics": _finite(row.metrics),
        "spreads": _finite(row.spreads),
        "by_seed": {row.quality: {str(seed): value for seed, value in row.by_seed.items()}},
        "standard_errors": _finite(row.standard_errors),
        "intervals": {row.quality: list(interval)} if interval else {},
        **skills_json(row),
        "groups": {name: _finite(group) for name, group in row.groups.items()},
        "left_out_of_fronts": row.below_floor,
        "pareto_front_costs": sorted(row.fronts),
        "audit": audit.model_dump(mode="json") if audit else None,
        "audit_warnings": audit_warnings(row),
        "standing": _standing(row.standing) if row.standing else None,
    }


def _standing(standing: Standing) -> dict[str, Any]:
    estimate, place = standing.estimate, standing.place
    return {
        "tied_for_best": standing.tied_for_best,
        "confidence_set_p_value": standing.confidence_set_p_value,
        "place": place.rank,
        "place_interval": [place.low, place.high],
        "sampling_note": standing.sampling_note,
        "probability_best": place.p_best,
        "detectable_difference": standing.power.difference if standing.power else None,
        "probability_on_front": standing.front_probabilities,
        "quality_standard_errors": {
            "questions": estimate.questions_standard_error,
            "seeds": estimate.seeds_standard_error,
        },
    }


def _finite(figures: dict[str, float]) -> dict[str, float | str]:
    return {name: value if math.isfinite(value) else _word(value) for name, value in figures.items()}


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
