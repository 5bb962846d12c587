"""Pages made of real and made-up results, with what Python says of the same rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from paretune.analysis import Answers, judged_rows
from paretune.analysis.decisions.capabilities import known_capabilities
from paretune.analysis.decisions.recommend import recommend_among
from paretune.analysis.decisions.recommendation import Recommendation
from paretune.analysis.decisions.requirements import Capabilities, Limit
from paretune.analysis.table.comparison_set import ComparisonSet, make_comparison_set
from paretune.analysis.table.selection import View
from paretune.report import PageSources, write_page
from paretune.spec import Record, Study
from paretune.store import Store, load_planned_records

KEPT = Path(__file__).parents[2] / "docs" / "examples"


class Shown(NamedTuple):
    """A page, and the rows of its first task as Python has them."""

    path: Path
    view: View
    compared: ComparisonSet
    known: Capabilities

    def recommend(self, limits: Sequence[Limit], needs: Sequence[str]) -> Recommendation:
        """Return what `paretune recommend` says by the main metric under these limits."""
        objective = {self.view.main_metric.name: 1.0}
        return recommend_among(self.view, self.compared, objective, limits=limits, capabilities=needs, known=self.known)


def page_of_folder(folder: Path, path: Path) -> Shown:
    """Write the page of a folder of records."""
    store = Store(folder)
    study = store.study()
    assert study is not None
    return page_of(load_planned_records(folder), study, store.scores, path)


def page_of(records: Sequence[Record], study: Study, answers: Answers, path: Path) -> Shown:
    """Write the page of records of one task and split."""
    write_page(records, study, path, PageSources(answers=answers))
    final = [record for record in records if not record.trial.tunes]
    rows = judged_rows(final, answers, records)
    view = View(rows[0].task, rows[0].split, tuple(rows), study)
    compared = make_comparison_set(view.rows, answers, with_unscored=True)
    assert compared is not None
    return Shown(path, view, compared, known_capabilities(records))
