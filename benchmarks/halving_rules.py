"""Which learning rates would halving have chosen, by which rule, at what cost? From a study that kept every rung.

    paretune run study.toml --out FOLDER          # with [tuning.halving] after = [0.125, 0.25, 0.5], keep = 0.99
    python -m benchmarks.halving_rules FOLDER [FOLDER ...] [--keep 0.2,0.4,0.6]

With keep = 0.99 every learning rate goes on from each point to the next, so that its validation loss is known at all of
them. A rule is one or two of these points with a share that is kept. For each are printed: how many methods would have
got the learning rate that the whole grid chooses, by how much the validation loss of the others is higher at the end,
and the seconds of its tuning as a share of the whole grid's. Seconds are those of steps and phases in the records:
training up to a point counts once, since trials go on from there; loading and validating count for each trial. The
start of a trial's process, about a second, is in no phase. The folders hold different methods of one task and seed.
"""

import argparse
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from paretune.spec import Phase, Record
from paretune.store import load_records

END = None


class Rung(NamedTuple):
    """What one learning rate came to at one point of its training."""

    loss: float
    """On validation data, in nats per token; infinite where training diverged."""
    step_seconds: tuple[float, ...]
    """Of all steps up to the point."""
    around: float
    """Seconds of everything else in the trial: loading, attaching, validating, saving."""


Rates = dict[float, dict[int | None, Rung]]
"""Of one method, by learning rate and steps, None for the end."""
Curves = dict[str, Rates]
"""By method."""


class Outcome(NamedTuple):
    """What a rule makes of one method."""

    rate: float
    seconds: float


def main() -> None:
    """Print a line for each rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--keep", default="0.2,0.4,0.6", help="shares of the rates that go on, one rule for each")
    arguments = parser.parse_args()
    curves: Curves = {}
    for folder in arguments.folders:
        read(load_records(folder), curves)
    if left_out := [method for method, rates in curves.items() if not complete(rates)]:
        print(f"left out, since a rate was not trained to the end: {', '.join(left_out)}")
    curves = {method: rates for method, rates in curves.items() if complete(rates)}
    whole = {method: ruled(rates, (), 1.0) for method, rates in curves.items()}
    print(f"{len(curves)} methods: {', '.join(curves)}")
    print("after (steps)   keep   same rate   rise of the validation loss: mean   largest   tuning time   others chose")
    for points, keep in rules(curves, [float(share) for share in arguments.keep.split(",")]):
        print(line(curves, whole, points, keep))


def read(records: Sequence[Record], curves: Curves) -> None:
    """Add what the tuning trials among records came to."""
    for record in records:
        trial = record.trial
        if not trial.tunes or trial.learning_rate is None:
            continue
        seconds = {reading.phase: reading.seconds for reading in record.phases}
        seconds.pop(Phase.TRAIN, None)
        loss = record.metrics.get("validation_loss", math.inf)
        rungs = curves.setdefault(trial.method.label, {}).setdefault(trial.learning_rate, {})
        if trial.recipe.stop_after in rungs:
            raise SystemExit(
                f"{trial.method.label} at {trial.learning_rate:g} is there twice: give one task and one seed"
            )
        rungs[trial.recipe.stop_after] = Rung(loss, record.step_seconds, sum(seconds.values()))


def complete(rates: Rates) -> bool:
    """Tell whether all rates of a method were trained to the end."""
    return all(END in rungs and rungs[END].step_seconds for rungs in rates.values())


def rules(curves: Curves, shares: Sequence[float]) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield each rule: the steps after which rates are compared, and the share that goes on."""
    rungs = next(iter(next(iter(curves.values())).values()))
    points = sorted(steps for steps in rungs if steps is not END)
    for number in (1, 2):
        for chosen in combinations(points, number):
            yield from ((chosen, share) for share in shares)


def ruled(rates: Rates, points: Sequence[int], keep: float) -> Outcome:
    """Return the rate that a rule chooses for a method, and the seconds of its tuning."""
    alive, seconds, before = sorted(rates), 0.0, 0
    for point in [*points, END]:
        for rate in alive:
            rungs = rates[rate]
            seconds += sum(rungs[END].step_seconds[before:point]) + rungs[point].around
        alive = sorted(alive, key=lambda rate: (rates[rate][point].loss, rate))
        alive, before = alive[: math.ceil(keep * len(alive))], point or 0
    return Outcome(alive[0], seconds)


def line(curves: Curves, whole: Mapping[str, Outcome], points: Sequence[int], keep: float) -> str:
    """Return what a rule comes to over all methods."""
    found = {method: ruled(rates, points, keep) for method, rates in curves.items()}
    rises = {
        method: rates[found[method].rate][END].loss - rates[whole[method].rate][END].loss
        for method, rates in curves.items()
    }
    others = [
        f"{method} {found[method].rate:g} for {whole[method].rate:g}"
        for method in curves
        if found[method].rate != whole[method].rate
    ]
    share = statistics.fmean(found[method].seconds / whole[method].seconds for method in curves)
    return (
        f"{', '.join(map(str, points)):13}   {keep:4g}   {len(curves) - len(others):2} of {len(curves):2}    "
        f"{statistics.fmean(rises.values()):35.4f}   {max(rises.values()):7.4f}   {share:11.2f}   {'; '.join(others)}"
    )


if __name__ == "__main__":
    main()
