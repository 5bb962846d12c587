"""Pure functions from records to what can be said about them."""

from paretune.analysis.clocks import ClockChange, clock_changes
from paretune.analysis.comparable import comparability_notes
from paretune.analysis.evidence import Evidence, load_evidence
from paretune.analysis.family import Answers, no_answers
from paretune.analysis.intervals import Interval, wilson
from paretune.analysis.judged import judged_rows
from paretune.analysis.pareto import pareto_front
from paretune.analysis.rows import Row, rows_of

__all__ = [
    "Answers", "ClockChange", "Evidence", "Interval", "Row", "clock_changes", "comparability_notes", "judged_rows",
    "load_evidence", "no_answers", "pareto_front", "rows_of", "wilson",
]  # fmt: skip
