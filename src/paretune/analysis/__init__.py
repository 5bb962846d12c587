"""Pure functions from records to what can be said about them."""

from paretune.analysis.statistics.intervals import Interval, wilson
from paretune.analysis.statistics.pareto import pareto_front
from paretune.analysis.table.clocks import ClockChange, clock_changes
from paretune.analysis.table.comparable import comparability_notes
from paretune.analysis.table.evidence import Answers, Evidence, load_evidence, no_answers
from paretune.analysis.table.judged import judged_rows
from paretune.analysis.table.rows import Row, rows_of

__all__ = [
    "Answers", "ClockChange", "Evidence", "Interval", "Row", "clock_changes", "comparability_notes", "judged_rows",
    "load_evidence", "no_answers", "pareto_front", "rows_of", "wilson",
]  # fmt: skip
