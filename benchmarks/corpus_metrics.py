"""Is the standard error of a metric over a whole corpus right, when it is that of the items' jackknife pseudo-values?

    python benchmarks/corpus_metrics.py [--corpora 1000] [--bootstraps 200] [--random-seed 0]

Labels and predictions are drawn again and again, so that the spread of the metric between corpora is known. Beside it:
the mean of the jackknife's standard error and of the bootstrap's, and how often a 95 % interval of either (Student's
around the value; the bootstrap's percentiles) holds the true value. Likewise for the difference of two methods on the
same items, which is what a comparison needs.
"""

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats

from paretune.tasks.jackknife import pseudo_values

Labels = NDArray[np.int64]
_LARGE = 400_000


class Corpus(NamedTuple):
    """Right labels, and what two methods say."""

    right: Labels
    first: Labels
    second: Labels


class Scenario(NamedTuple):
    """How corpora are drawn."""

    name: str
    num_items: int
    shares: tuple[float, ...]
    """Of the classes."""
    accuracies: tuple[float, float]
    """Of the two methods; what is wrong is any other class."""

    def draw(self, number: int, rng: np.random.Generator) -> Corpus:
        """Return a corpus of `number` items. Items that are hard for one method are hard for the other too."""
        classes, right = len(self.shares), rng.choice(len(self.shares), size=number, p=self.shares)
        hard = rng.normal(size=number)
        said = []
        for accuracy in self.accuracies:
            level = float(stats.norm.ppf(accuracy)) * 2**0.5
            well = level + hard + rng.normal(size=number) > 0
            said.append(np.where(well, right, (right + rng.integers(1, classes, size=number)) % classes))
        return Corpus(right, *said)


def macro_f1(right: Labels, said: Labels, classes: int) -> float:
    """Return the mean of the F1 of each class, 0 for one that is neither there nor said."""
    table = np.bincount(right * classes + said, minlength=classes**2).reshape(classes, classes)
    both = table.sum(axis=0) + table.sum(axis=1)
    return float(np.divide(2 * np.diag(table), both, out=np.zeros(classes), where=both > 0).mean())


def shares_of_items(right: Labels, said: Labels, classes: int) -> NDArray[np.float64]:
    """Return the pseudo-values, as a task has them stored."""

    def value(readings: object) -> float:
        due, answers = np.array(readings).T
        return macro_f1(due, answers, classes)

    return np.array(pseudo_values(list(zip(right.tolist(), said.tolist(), strict=True)), value))


class Found(NamedTuple):
    """What one corpus says of a value."""

    value: float
    jackknife: float
    bootstrap: float
    jackknife_holds: bool
    bootstrap_holds: bool


def found_in(shares: NDArray[np.float64], value_of: Callable[[Labels], float], truth: float, draws: Labels) -> Found:
    """Return value and standard errors; `value_of` gives the value of some items, each row of `draws` holds some."""
    number, value = len(shares), float(shares.mean())
    error = float(shares.std(ddof=1)) / number**0.5
    again = np.array([value_of(chosen) for chosen in draws])
    low, high = np.quantile(again, [0.025, 0.975])
    half = float(stats.t.ppf(0.975, number - 1)) * error
    return Found(value, error, float(again.std(ddof=1)), abs(value - truth) <= half, bool(low <= truth <= high))


def simulate(scenario: Scenario, corpora: int, bootstraps: int, rng: np.random.Generator) -> list[list[Found]]:
    """Return what each corpus says of the first method's macro F1, and of the two methods' difference."""
    classes = len(scenario.shares)
    large = scenario.draw(_LARGE, rng)
    truths = [macro_f1(large.right, said, classes) for said in (large.first, large.second)]
    found: list[list[Found]] = [[], []]
    for _ in range(corpora):
        right, first, second = scenario.draw(scenario.num_items, rng)
        draws = rng.integers(scenario.num_items, size=(bootstraps, scenario.num_items))
        one, other = (shares_of_items(right, said, classes) for said in (first, second))

        def of_first(chosen: Labels, right: Labels = right, first: Labels = first) -> float:
            return macro_f1(right[chosen], first[chosen], classes)

        def of_both(chosen: Labels, right: Labels = right, first: Labels = first, second: Labels = second) -> float:
            return macro_f1(right[chosen], first[chosen], classes) - macro_f1(right[chosen], second[chosen], classes)

        found[0].append(found_in(one, of_first, truths[0], draws))
        found[1].append(found_in(one - other, of_both, truths[0] - truths[1], draws))
    return found


SCENARIOS = (
    Scenario("3 equal classes, 300 items", 300, (1 / 3, 1 / 3, 1 / 3), (0.8, 0.75)),
    Scenario("2 classes, 10% of one, 300 items", 300, (0.9, 0.1), (0.9, 0.85)),
    Scenario("6 classes, 2% of one, 1000 items", 1000, (0.4, 0.25, 0.15, 0.1, 0.08, 0.02), (0.8, 0.75)),
    Scenario("20 equal classes, 100 items", 100, (0.05,) * 20, (0.6, 0.5)),
)


def main() -> None:
    """Print a row for each scenario and value."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpora", type=int, default=1000)
    parser.add_argument("--bootstraps", type=int, default=200)
    parser.add_argument("--random-seed", type=int, default=0)
    asked = parser.parse_args()
    table = Table(
        "Macro F1", "of", "true spread", "jackknife", "bootstrap", "jackknife holds", "bootstrap holds", box=None
    )
    for scenario in SCENARIOS:
        rng = np.random.default_rng(asked.random_seed)
        for what, found in zip(
            ("a method", "a difference"), simulate(scenario, asked.corpora, asked.bootstraps, rng), strict=True
        ):
            spread = float(np.std([one.value for one in found], ddof=1))
            errors = (np.mean([one.jackknife for one in found]), np.mean([one.bootstrap for one in found]))
            held = (np.mean([one.jackknife_holds for one in found]), np.mean([one.bootstrap_holds for one in found]))
            table.add_row(
                scenario.name,
                what,
                f"{spread:.4f}",
                *(f"{error:.4f} ({error / spread:.2f})" for error in errors),
                *(f"{share:.1%}" for share in held),
            )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
