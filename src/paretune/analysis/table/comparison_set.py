"""The rows that are compared with each other, and what resampling says about them together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import comb
from operator import attrgetter

import numpy as np

from paretune.analysis.statistics.bootstrap import independent_draws, seed_draws, side_by_side, two_way_bootstrap
from paretune.analysis.statistics.clusters import INDEPENDENT, Sampling, Scope, sampling_of
from paretune.analysis.statistics.confidence_set import AdjustedPairs
from paretune.analysis.statistics.draws import Blocks, Draws, turned_draws, whole
from paretune.analysis.statistics.pair_tests import MixedTests, UnpairedTests
from paretune.analysis.statistics.scores import FloatArray, stacked_scores
from paretune.analysis.statistics.variance import VarianceComponents, variance_components
from paretune.analysis.table.answered import AnswerReader, clusters_of, usual_questions
from paretune.analysis.table.clustered import sampling_note
from paretune.analysis.table.evidence import Answers
from paretune.analysis.table.rows import Row
from paretune.analysis.table.scored import declared_metrics, main_metric
from paretune.spec import Metric, Record, metric_table


@dataclass(frozen=True)
class ComparisonSet:
    """Rows of one task and split that ended well, in an order that does not depend on that of their records."""

    rows: tuple[Row, ...]
    components: tuple[VarianceComponents | None, ...]
    """Of the main metric, over the questions that the rows share; None where a row's answers are not known."""

    @cached_property
    def main_metric(self) -> Metric:
        """The metric that the rows are ranked by: all rows of a task have the same."""
        return main_metric(self.rows)

    @property
    def quality(self) -> str:
        """Return the main metric's name."""
        return self.main_metric.name

    @cached_property
    def table(self) -> Mapping[str, Metric]:
        """Every metric by name that the rows may have a value of."""
        return metric_table(declared_metrics(self.rows))

    @property
    def sampling(self) -> Sampling:
        """Return how the questions were sampled."""
        return next((one.sampling for one in self.components if one is not None), INDEPENDENT)

    @cached_property
    def draws(self) -> Draws:
        """Draws of the main metric. Rows without components are drawn independently, those without the value as NaN."""
        components = {place: one for place, one in enumerate(self.components) if one is not None}
        alone = [place for place, row in enumerate(self.rows) if place not in components and _is_share(row)]
        groups = []
        if components:
            groups.append(([*components], two_way_bootstrap([*components.values()])))
        if alone:
            shares = [self.rows[place].metrics[self.quality] for place in alone]
            counts = [num_questions(self.rows[place]) for place in alone]
            groups.append((alone, independent_draws(shares, counts)))
        draws = side_by_side(groups, len(self.rows))
        if len(groups) < 2 or draws.pairs is None:
            return draws
        # Of two rows that are not paired only the shares are compared.
        numbers = np.array([float(num_questions(row) or 1) for row in self.rows])
        unpaired = UnpairedTests(draws.means, numbers)
        return replace(draws, pairs=MixedTests(draws.pairs, np.array([*components]), unpaired))

    @cached_property
    def goodness(self) -> Draws:
        """The draws of the main metric, turned round where less is better: to ranks, ties and p-values more is better.

        This is the one place where that is done; all else shows values as they were measured.
        """
        return turned_draws(self.draws) if self.main_metric.lower_is_better else self.draws

    @cached_property
    def adjusted(self) -> AdjustedPairs:
        """The adjusted p-values of "the first row's method is not better than the second's".

        All statements on which rows are better, in a comparison, a claim, a rank, a tie or a recommendation, are read
        from here: so no two statements can contradict each other.
        """
        return AdjustedPairs(self.goodness)

    @property
    def num_pairs(self) -> int:
        """Return the number of pairs of rows that the p-values are adjusted for."""
        return comb(self.num_compared, 2)

    @property
    def num_compared(self) -> int:
        """Return the number of rows that these pairs are of."""
        return int(np.isfinite(self.draws.means).sum())

    @cached_property
    def sampling_note(self) -> str | None:
        """What intervals speak of where questions come in clusters; None where they are independent."""
        return sampling_note(self.sampling, self.rows[0].task_spec, self.main_metric)

    def find(self, row: Row) -> int | None:
        """Return the place of a row, or None where it is not in the set."""
        return self._places.get(row.trial_ids)

    @cached_property
    def _places(self) -> dict[tuple[str, ...], int]:
        """The place of each row, by the trials behind it."""
        return {row.trial_ids: place for place, row in enumerate(self.rows)}

    def is_lone(self, place: int) -> bool:
        """Tell whether a row's main metric is known, but nothing that says how sure it is."""
        figure = self.rows[place].metrics.get(self.quality, np.nan)
        return bool(np.isfinite(figure) and np.isnan(self.draws.means[place]))

    def metric_draws(self, metric: str) -> FloatArray:
        """Return all draws of `metric_blocks`, float64 of shape (draws, rows)."""
        return whole(self.metric_blocks(metric), len(self.rows))

    def metric_blocks(self, metric: str) -> Blocks:
        """Return draws of a value for each row: NaN for a row that has none.

        The main metric: over questions and seeds. Forgetting, skills lost and drift: over texts, questions or pictures,
        and seeds, where the records hold them one by one.
        Everything else: over seeds, and without any spread where there is one seed or all agree.
        """
        if metric == self.quality:
            return self.draws.blocks
        read = _ONE_BY_ONE.get(metric)
        if read is not None and (components := _components(self.rows, read)) is not None:
            return two_way_bootstrap(components).blocks
        by_row = [[record.metrics.get(metric) for record in row.records] for row in self.rows]
        return seed_draws([[one for one in values if one is not None] for values in by_row], metric)


def make_comparison_set(
    rows: Sequence[Row], answers: Answers, *, with_unscored: bool = False, scope: Scope | None = None
) -> ComparisonSet | None:
    """Return the comparison set of the rows that ended well and have their main metric, or None without such a row.

    The rows must belong to one task and split. `with_unscored` keeps rows without it too, their draws being NaN.
    `scope` is what intervals speak of where questions have clusters, by default what `sampling_of` says.
    """
    well = sorted((row for row in rows if row.outcome.kind == "ok"), key=lambda row: row.identity)
    reader = AnswerReader(answers)
    known = [(row, reader.read(row)) for row in well]
    # A share of known questions says how sure it is; the mean of cosines says nothing without each of them.
    known = [pair for pair in known if with_unscored or _is_share(pair[0]) or (pair[1] and _is_scored(pair[0]))]
    if not known:
        return None
    fit = [row for row, _ in known]
    answered = {place: found for place, (_, found) in enumerate(known) if found is not None}
    # Rows that answered other questions than most cannot be paired with them.
    usual = usual_questions(answered.values())
    paired = {
        place: found for place, found in answered.items() if all(one.questions == usual for one in found.values())
    }
    components: list[VarianceComponents | None] = [None] * len(fit)
    if paired:
        sampling = sampling_of(clusters_of([*paired.values()]), scope)
        scores = [{seed: one.scores for seed, one in found.items()} for found in paired.values()]
        together = _parts_of([fit[place] for place in paired], scores, sampling)
        share = main_metric(fit).is_share  # other scores may happen to be all 0 or 1
        for place, one in zip(paired, together, strict=True):
            components[place] = one._replace(right_or_wrong=one.right_or_wrong and share)
    return ComparisonSet(tuple(fit), tuple(components))


def _is_scored(row: Row) -> bool:
    return row.quality in row.metrics and num_questions(row) > 0


def _is_share(row: Row) -> bool:
    """Tell whether a row's main metric is a share of questions whose number is known."""
    return row.main_metric.is_share and _is_scored(row)


def num_questions(row: Row) -> int:
    """Return the number of questions that the row's model answered with each seed, the fewest where they differ."""
    return min(record.num_items or 0 for record in row.records)


_ONE_BY_ONE: dict[str, Callable[[Record], Sequence[float]]] = {
    "forgetting": attrgetter("text_loss_changes"),
    "skills_lost": attrgetter("skill_changes"),
    "drift": attrgetter("drifts"),
}
"""Values that records hold text by text, question by question or picture by picture."""


def _components(rows: Sequence[Row], read: Callable[[Record], Sequence[float]]) -> list[VarianceComponents] | None:
    """Return the components of each row, or None where one cannot be read or the rows do not have the same units."""
    found = [{record.trial.seed: np.array(read(record), dtype=float) for record in row.records} for row in rows]
    sizes = {len(values) for by_seed in found for values in by_seed.values()}
    return _parts_of(rows, found) if len(sizes) == 1 and sizes != {0} else None


def _parts_of(
    rows: Sequence[Row], values: Sequence[Mapping[int, FloatArray]], sampling: Sampling = INDEPENDENT
) -> list[VarianceComponents]:
    """Return the components of rows from their values by seed, of shape (units,)."""
    return variance_components(
        stacked_scores(values, [not row.records[0].trial.method.trains for row in rows]), sampling
    )
