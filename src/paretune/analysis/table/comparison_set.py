"""The rows that are compared with each other, and what resampling says about them together."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from operator import attrgetter

import numpy as np

from paretune.analysis.statistics.bootstrap import (
    NUM_DRAWS,
    Draws,
    independent_draws,
    seed_draws,
    side_by_side,
    two_way_bootstrap,
)
from paretune.analysis.statistics.clusters import INDEPENDENT, Sampling, Scope, sampling_of
from paretune.analysis.statistics.confidence_set import pairwise_p_values
from paretune.analysis.statistics.pairs import score_test
from paretune.analysis.statistics.scores import FloatArray, make_scores
from paretune.analysis.statistics.variance import VarianceComponents, variance_components
from paretune.analysis.table.evidence import Answers
from paretune.analysis.table.rows import Row
from paretune.analysis.table.scored import declared_metrics, main_metric
from paretune.spec import Metric, Record, metric_table
from paretune.store.items import QuestionScores


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
        paired = [place for place, one in enumerate(self.components) if one is not None]
        alone = [place for place, row in enumerate(self.rows) if self.components[place] is None and _is_share(row)]
        groups = []
        if paired:
            groups.append((paired, two_way_bootstrap([one for one in self.components if one is not None])))
        if alone:
            shares = [self.rows[place].metrics[self.quality] for place in alone]
            counts = [num_questions(self.rows[place]) for place in alone]
            groups.append((alone, independent_draws(shares, counts)))
        draws = side_by_side(groups, len(self.rows))
        if draws.pairs is not None and paired and alone:
            # Of two rows that are not paired only the shares are compared.
            unpaired = np.ones((len(self.rows), len(self.rows)), dtype=bool)
            unpaired[np.ix_(paired, paired)] = False
            numbers = np.array([float(num_questions(row) or 1) for row in self.rows])
            draws.pairs.p_values[unpaired] = score_test(draws.means, numbers)[unpaired]
        return draws

    @cached_property
    def goodness(self) -> Draws:
        """The draws of the main metric, turned round where less is better: to ranks, ties and p-values more is better.

        This is the one place where that is done; all else shows values as they were measured.
        """
        return _turned(self.draws) if self.main_metric.lower_is_better else self.draws

    @cached_property
    def p_values(self) -> FloatArray:
        """The adjusted p-values of "the row's method is not better than the column's", float64 (rows, rows).

        All statements on which rows are better, in a comparison, a claim, a rank, a tie or a recommendation, are read
        from here: so no two statements can contradict each other.
        """
        return pairwise_p_values(self.goodness)

    @property
    def num_pairs(self) -> int:
        """Return the number of pairs of rows that the p-values are adjusted for."""
        return comb(int(np.isfinite(self.draws.means).sum()), 2)

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
        """Return draws of a value, float64 of shape (draws, rows): NaN for a row that has none.

        The main metric: over questions and seeds. Forgetting and drift: over texts, or pictures, and seeds, where the
        records hold them one by one.
        Everything else: over seeds, and without any spread where there is one seed or all agree.
        """
        if metric == self.quality:
            return self.draws.values
        read = _ONE_BY_ONE.get(metric)
        if read is not None and (components := _components(self.rows, _units(read))) is not None:
            return two_way_bootstrap(components).values
        columns = []
        for place, row in enumerate(self.rows):
            found = [value for record in row.records if (value := record.metric(metric)) is not None]
            # A stream of its own for each row and value: equal seeds must not make two rows move together.
            rng = np.random.default_rng([place, *metric.encode()])
            columns.append(seed_draws(found, rng) if found else np.full(NUM_DRAWS, np.nan))
        return np.stack(columns, axis=1)


def make_comparison_set(
    rows: Sequence[Row], answers: Answers, *, with_unscored: bool = False, scope: Scope | None = None
) -> ComparisonSet | None:
    """Return the comparison set of the rows that ended well and have their main metric, or None without such a row.

    The rows must belong to one task and split. `with_unscored` keeps rows without it too, their draws being NaN.
    `scope` is what intervals speak of where questions have clusters, by default what `sampling_of` says.
    """
    well = sorted((row for row in rows if row.outcome.kind == "ok"), key=lambda row: row.identity)
    known = [(row, _scores(row, answers)) for row in well]
    # A share of known questions says how sure it is; the mean of cosines says nothing without each of them.
    known = [pair for pair in known if with_unscored or _is_share(pair[0]) or (pair[1] and _is_scored(pair[0]))]
    if not known:
        return None
    fit = [row for row, _ in known]
    scored = {place: found for place, (_, found) in enumerate(known) if found is not None}
    asked = [frozenset(scores[min(scores)]) for scores in scored.values()]
    # Rows that answered other questions than most cannot be paired with them.
    times = Counter(asked)
    usual = max(times, key=lambda questions: (times[questions], sorted(questions)), default=frozenset())
    paired = [place for place, scores in scored.items() if all(set(one) == usual for one in scores.values())]
    components: list[VarianceComponents | None] = [None] * len(fit)
    if paired:
        sampling = _sampling([scored[place] for place in paired], scope)
        together = _parts_of([scored[place] for place in paired], [fit[place] for place in paired], sampling)
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


def _turned(draws: Draws) -> Draws:
    """Return draws of which more is better, where less was."""
    pairs = draws.pairs and draws.pairs._replace(centres=-draws.pairs.centres)
    return draws._replace(means=-draws.means, values=-draws.values, pairs=pairs)


def _scores(row: Row, answers: Answers) -> dict[int, Mapping[str, float]] | None:
    """Return a row's scores by seed and question, or None where a seed's are not known."""
    found = {record.trial.seed: answers(record) for record in row.records}
    known = {seed: scores for seed, scores in found.items() if scores}
    return known if len(known) == len(found) else None


_ONE_BY_ONE: dict[str, Callable[[Record], Sequence[float]]] = {
    "forgetting": attrgetter("text_loss_changes"),
    "drift": attrgetter("drifts"),
}
"""Values that records hold text by text or picture by picture."""


def _units(read: Callable[[Record], Sequence[float]]) -> Callable[[Row], dict[int, Mapping[str, float]] | None]:
    """Return what gives a row's values by seed and text or picture, or None where a seed's are not known."""

    def units(row: Row) -> dict[int, Mapping[str, float]] | None:
        found: dict[int, Mapping[str, float]] = {
            record.trial.seed: {f"{place:06}": value for place, value in enumerate(read(record))}
            for record in row.records
        }
        return found if all(found.values()) else None

    return units


def _components(
    rows: Sequence[Row], read: Callable[[Row], dict[int, Mapping[str, float]] | None]
) -> list[VarianceComponents] | None:
    """Return the components of each row, or None where one cannot be read or the rows do not have the same units."""
    found = [scores for row in rows if (scores := read(row)) is not None]
    units = {frozenset(one) for scores in found for one in scores.values()}
    return _parts_of(found, rows) if len(found) == len(rows) and len(units) == 1 else None


def _sampling(scores: Sequence[Mapping[int, Mapping[str, float]]], scope: Scope | None) -> Sampling:
    """Return how the questions that all these rows share were sampled; any of their records may name the clusters."""
    found = [one for by_seed in scores for one in by_seed.values()]
    clusters = {name: value for one in found if isinstance(one, QuestionScores) for name, value in one.clusters.items()}
    return sampling_of([clusters.get(name) for name in sorted(found[0])], scope)


def _parts_of(
    scores: Sequence[Mapping[int, Mapping[str, float]]], rows: Sequence[Row], sampling: Sampling = INDEPENDENT
) -> list[VarianceComponents]:
    names = [f"{place:06}" for place in range(len(rows))]
    untrained = frozenset(name for name, row in zip(names, rows, strict=True) if not row.records[0].trial.method.trains)
    return variance_components(make_scores(dict(zip(names, scores, strict=True)), untrained), sampling)
