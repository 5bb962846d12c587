"""What the statistics do on studies whose questions come in clusters and whose truth is known.

    python -m benchmarks.clustered_simulation [--studies 200] [--random-seed 0]

320 questions from 16 clusters, eight methods with one accuracy over all clusters; a method does better on some clusters
than on others (standard deviation of `effect` on the logit). "new clusters": each study draws its own clusters, and the
truth is that of all clusters. "same clusters": all studies have the same clusters, and the truth is that of these.
"""

import argparse
import sys
from typing import NamedTuple

import numpy as np

from paretune.analysis.statistics.bootstrap import two_way_bootstrap
from paretune.analysis.statistics.clusters import Scope, sampling_of
from paretune.analysis.statistics.confidence_set import SIGNIFICANCE, pairwise_p_values, told_apart
from paretune.analysis.statistics.estimate import accuracy_estimate
from paretune.analysis.statistics.paired import paired_difference
from paretune.analysis.statistics.ranks import places
from paretune.analysis.statistics.simulation import as_scores, clustered_accuracies, simulate_clustered
from paretune.analysis.statistics.variance import variance_components

_METHODS, _CLUSTERS, _QUESTIONS, _DRAWS, _SEED_SPREAD = 8, 16, 320, 500, 0.1
_CLUSTER_DIFFICULTY = 0.5


class Scenario(NamedTuple):
    """A way of drawing studies, and the sampling that their analysis assumes."""

    truth: Scope
    assumed: Scope
    effect: float
    num_seeds: int
    level: float = 0.0


class Seen(NamedTuple):
    """What one study said, as shares."""

    accuracy_covered: float
    difference_covered: float
    ranks_covered: float
    false_better: float


def scenarios() -> list[Scenario]:
    """Return the scenarios in the order in which they are printed."""
    ways: list[tuple[Scope, Scope]] = [
        ("new clusters", "new clusters"), ("new clusters", "questions"),
        ("same clusters", "same clusters"), ("same clusters", "new clusters"),
    ]  # fmt: skip
    found = [Scenario(*way, effect, seeds) for way in ways for effect in (0.5, 1.0) for seeds in (3, 5)]
    return [*found, Scenario("new clusters", "new clusters", 0.5, 3, -3.5)]


def study(scenario: Scenario, fixed: np.random.Generator, rng: np.random.Generator) -> Seen:
    """Return what one study says; `fixed` draws the clusters where all studies have the same."""
    source = fixed if scenario.truth == "same clusters" else rng
    level = np.full(_METHODS, scenario.level)
    kinds = _CLUSTER_DIFFICULTY * source.normal(size=_CLUSTERS) + scenario.effect * source.normal(
        size=(_METHODS, _CLUSTERS)
    )
    if scenario.truth == "same clusters":
        truth = clustered_accuracies(level, kinds, _SEED_SPREAD)
    else:
        spread = (_SEED_SPREAD**2 + scenario.effect**2 + _CLUSTER_DIFFICULTY**2) ** 0.5
        truth = clustered_accuracies(level, np.zeros((_METHODS, 1)), spread)
    answers = simulate_clustered(level, kinds, scenario.num_seeds, _QUESTIONS, _SEED_SPREAD, rng)
    names = [f"c{place // (_QUESTIONS // _CLUSTERS)}" for place in range(_QUESTIONS)]
    components = variance_components(as_scores(answers), sampling_of(names, scenario.assumed))
    differences = [paired_difference(one, components[0]) for one in components[1:]]
    gaps = truth[1:] - truth[0]
    intervals = [accuracy_estimate(one).interval for one in components]
    draws = two_way_bootstrap(components, _DRAWS)
    p_values = pairwise_p_values(draws)
    false = (p_values < SIGNIFICANCE) & (truth[:, None] <= truth)
    better, worse = truth[:, None] < truth - 1e-12, truth[:, None] > truth + 1e-12
    ranks = zip(places(draws, told_apart(p_values)), 1 + better.sum(1), _METHODS - worse.sum(1), strict=True)
    return Seen(
        float(np.mean([low <= true <= high for (low, high), true in zip(intervals, truth, strict=True)])),
        float(np.mean([d.interval.low <= gap <= d.interval.high for d, gap in zip(differences, gaps, strict=True)])),
        float(all(place.low <= first and place.high >= last for place, first, last in ranks)),
        float(false.any()),
    )


def main() -> int:
    """Print the table. Returns 1 where coverage is too low, or a false claim too frequent, under a right assumption."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--random-seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"{arguments.studies} studies a line\n")
    print("| clusters | analysed as | effect | logit | seeds | accuracy | difference | ranks | false better |")
    print("|---" * 9 + "|")
    failed = False
    for number, scenario in enumerate(scenarios()):
        rng = np.random.default_rng([arguments.random_seed, number])
        seen = np.mean(
            [study(scenario, np.random.default_rng(number), rng) for _ in range(arguments.studies)], axis=0
        )  # fmt: skip
        cells = [scenario.truth, scenario.assumed, f"{scenario.effect:g}", f"{scenario.level:g}", scenario.num_seeds]
        print("| " + " | ".join([*map(str, cells), *(f"{share:.1%}" for share in seen)]) + " |", flush=True)
        if scenario.truth == scenario.assumed:
            failed |= min(seen[:2]) < 0.93 or max(seen[:2]) > 0.97 or seen[2] < 0.94 or seen[3] > 0.05
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
