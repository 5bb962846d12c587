"""How often would halving make equal methods look different? On learning rates that were really trained.

    python -m benchmarks.halving_simulation FOLDER [FOLDER ...] [--after 12] [--keep 0.4] [--points-per-nat 100]

The folders hold studies that kept every rung, as `benchmarks.halving_rules` takes them. Each simulated method gets the
learning rates, early losses and final losses of one of their methods, drawn at random. With its best rate it is exactly
as good as all others, 45%; with a rate whose validation loss is higher it loses `--points-per-nat` points of accuracy
for each nat. Answers are then simulated with that accuracy, three seeds, and analysed as a study's are. A statement
"better" about any two methods is false: tuned in full, all are equal. The same draws are analysed with the rates that
the whole grid chooses, so that both columns differ by halving alone. A rule that these same methods were used to choose
is not put to the test by them.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.halving_rules import END, Curves, Rates, complete, read, ruled
from paretune.analysis.statistics.bootstrap import two_way_bootstrap
from paretune.analysis.statistics.confidence_set import SIGNIFICANCE, pairwise_p_values
from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.statistics.simulation import as_scores, simulate_answers
from paretune.analysis.statistics.variance import variance_components
from paretune.store import load_records

_NUM_DRAWS = 1_000
_BEST = 0.45
_SEEDS = 3


def main() -> None:
    """Print a line for each number of methods and spread of seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--after", default="12", help="steps after which rates are compared")
    parser.add_argument("--keep", type=float, default=0.4)
    parser.add_argument("--points-per-nat", type=float, default=100.0)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--random-seed", type=int, default=0)
    given = parser.parse_args()
    curves: Curves = {}
    for folder in given.folders:
        read(load_records(folder), curves)
    points = [int(steps) for steps in given.after.split(",")]
    losses = [rise(rates, points, given.keep) for rates in curves.values() if complete(rates)]
    print(f"{len(losses)} methods, after {given.after} steps, keep {given.keep:g}: the validation loss is higher by")
    print(", ".join(f"{one:.4f}" for one in losses))
    print("| methods | spread of seeds | false better, whole grid | false better, halving | largest loss, points |")
    print("|---|---|---|---|---|")
    for number in (2, 8):
        for spread in (0.0, 0.05, 0.1):
            rng = np.random.default_rng([given.random_seed, number, round(100 * spread)])
            steps = track(
                range(given.studies), description=f"{number} methods", console=Console(stderr=True), transient=True
            )
            false, worst = np.zeros(2), 0.0
            for _ in steps:
                drawn = rng.choice(losses, size=number) * given.points_per_nat / 100
                seed = int(rng.integers(0, 2**31))
                false += [_says_better(lost, spread, given.questions, seed) for lost in (0 * drawn, drawn)]
                worst = max(worst, float(drawn.max()))
            whole, halved = false / given.studies
            print(f"| {number} | {spread:g} | {whole:.1%} | {halved:.1%} | {100 * worst:.1f} |", flush=True)


def rise(rates: Rates, points: Sequence[int], keep: float) -> float:
    """Return by how much the final validation loss of the rate that a rule chooses is above the best, in nats."""
    best = min(rungs[END].loss for rungs in rates.values())
    return rates[ruled(rates, points, keep).rate][END].loss - best


def _says_better(lost: FloatArray, spread: float, num_questions: int, seed: int) -> bool:
    """Tell whether a study says of any method that it is better than another. `lost` is in shares of one."""
    rng = np.random.default_rng(seed)
    answers = simulate_answers(tuple(_BEST - lost), _SEEDS, num_questions, spread, rng)
    draws = two_way_bootstrap(variance_components(as_scores(answers)), _NUM_DRAWS)
    return bool((pairwise_p_values(draws) < SIGNIFICANCE).any())


if __name__ == "__main__":
    main()
