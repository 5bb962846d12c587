"""Pure functions from records to what can be said about them."""

from paretune.analysis.comparable import comparability_notes
from paretune.analysis.intervals import Interval, wilson
from paretune.analysis.pareto import pareto_front
from paretune.analysis.rows import Row, rows_of
from paretune.analysis.support import support_note

__all__ = ["Interval", "Row", "comparability_notes", "pareto_front", "rows_of", "support_note", "wilson"]
