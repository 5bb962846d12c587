"""`paretune run --budget`: a study that fits into a time, and what it can and cannot show."""

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from paretune.analysis.decisions.checklist import FEWEST_SEEDS
from paretune.analysis.decisions.phrases import gap
from paretune.analysis.statistics.sample_size import Noise, detectable_difference
from paretune.cli.study_files import STUDY_FILE, keep_study_file, kept_study
from paretune.execute.budget import Measured, measure, same_apart_from_size, sized
from paretune.execute.run import Silent
from paretune.report.format import plain
from paretune.spec import InputError, Metric, Study, Trial, Unit
from paretune.tune.budget import Size, seconds_of

_SPAN = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?")
_HALF = 0.5
"""Standard deviation of right or wrong answers of which half are right: the most that there can be."""
_SEED_SHARES = (0.02, 0.1)
"""Standard deviations between seeds that are assumed, in those of the items: of a share 1 and 5 points. The latter is
the root mean square over the methods of docs/examples/word-problems, which are trained for 24 steps of 4 examples."""


def budget_seconds(text: str) -> float:
    """Return the seconds of a time such as 30m, 2h or 1h30m. Raises `InputError` for anything else."""
    found = _SPAN.fullmatch(text.strip().lower())
    parts = [float(part or 0) for part in found.groups()] if found else [0.0]
    if not any(parts):
        raise InputError(f"--budget {text}: write a time such as 30m, 2h or 1h30m")
    return 3600 * parts[0] + 60 * parts[1] + parts[2]


def refuse_chosen(given: Mapping[str, object]) -> None:
    """Raise `InputError` where something is given, by what it is called, that a budget chooses itself."""
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"--budget and {name} exclude each other: the budget chooses learning rates, seeds and test items"
            )


class _Measuring(Silent):
    """Says which method is measured."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def started(self, trial: Trial) -> None:
        """Say it."""
        _say(self._console, f"Measuring a short trial: {trial.method.label}")


def within_budget(
    study: Study, folder: Path, budget: str, *, threads: int | None = None, skip_unavailable: bool = False
) -> Study:
    """Return the study of a size that fits into a time, and write it into its folder, unless it is there already.

    Raises `InputError` for a study that says itself what a budget chooses, and where the time is too short.
    """
    seconds, console = budget_seconds(budget), Console(stderr=True)
    if study.learning_rates:
        raise InputError("--budget tunes learning rates around METHOD=VALUE: name the method in --learning-rate")
    earlier = kept_study(folder)
    if earlier is not None:
        if not same_apart_from_size(earlier, study):
            raise InputError(f"{folder / STUDY_FILE}: was chosen for other options; give another folder with --out")
        _say(console, f"Goes on with {folder / STUDY_FILE}. {earlier.description} Delete the file to choose again.")
        return earlier
    watcher = _Measuring(console)
    found = measure(study, seconds, threads=threads, skip_unavailable=skip_unavailable, watcher=watcher)
    size = found.size_for(seconds)
    if size is None:
        raise InputError(_too_short(found, budget, seconds))
    num_trained = sum(method.trains for method in found.methods)
    lines = outlook_lines(found.metric, size, num_trained, found.item_deviation)
    description = f"Chosen to fit into {budget}. {' '.join(lines)}"
    chosen = sized(study, size, found.items_option, found.num_items, description)
    for line in [_chosen_line(found, size), *lines, *found.notes]:
        _say(console, line)
    keep_study_file(chosen, folder, console)
    return chosen


def outlook_lines(metric: Metric, size: Size, num_trained: int, item_deviation: float | None) -> list[str]:
    """Return what a study of a size can and cannot show, a sentence each.

    `item_deviation` is what was measured of the main metric, None where nothing was. Of a share the most is assumed.
    """
    deviation = _HALF if metric.unit is Unit.FRACTION else item_deviation
    return [_told(metric, size, num_trained, deviation), *_not_told(size)]


def _told(metric: Metric, size: Size, num_trained: int, deviation: float | None) -> str:
    if not deviation or not num_trained:
        return f"Which differences in {metric.words} it can detect is not known before the first results."
    seeds = [share * deviation for share in _SEED_SHARES]
    least = [
        detectable_difference(Noise(deviation**2, one), size.items, size.seeds, num_methods=max(2, num_trained))
        for one in seeds
    ]
    between, differences = ([gap(metric, float(f"{one:.2g}")) for one in values] for values in (seeds, least))
    told = f"Smallest difference in {metric.words} that it can detect (80% power, corrected for all pairs of methods)"
    if size.seeds == 1:
        return f"{told}: about {differences[0]}, for these very runs: one seed cannot tell what another would change."
    little, much = differences
    spread = f"if the standard deviation between seeds is {between[0]}, {much} if it is {between[1]}"
    return f"{told}: about {little} {spread}."


def _not_told(size: Size) -> list[str]:
    missing = [] if size.rates else ["learning rates are not tuned"]
    missing += [f"a claim needs {FEWEST_SEEDS} seeds"] if size.seeds < FEWEST_SEEDS else []
    return [f"It supports no claim that a method is better: {' and '.join(missing)}."] if missing else []


def _chosen_line(found: Measured, size: Size) -> str:
    rates = f"{size.rates} learning rates for each method" if size.rates else "each method's default learning rate"
    took = timedelta(seconds=round(found.seconds))
    left = timedelta(seconds=round(seconds_of(found.methods, size)))
    return (
        f"Chosen: {rates}, {size.seeds} seed{'' if size.seeds == 1 else 's'}, {size.items:,} of {found.num_items:,} "
        f"{found.metric.items} in the test. Measuring took {took}; the study takes at most about {left}."
    )


def _too_short(found: Measured, budget: str, seconds: float) -> str:
    """Return what would fit into a time in which one seed of each method does not."""
    size = found.smallest_size
    needed = found.seconds + seconds_of(found.methods, size)
    fitting = found.fitting(seconds)
    text = (
        f"--budget {budget}: one seed of each of the {len(found.methods)} methods takes about {_minutes(needed)} with "
        f"{size.items} test items; give --budget {_minutes(needed)}, fewer --steps"
    )
    return f"{text}, or only {', '.join(fitting)}" if fitting else text


def _minutes(seconds: float) -> str:
    return f"{max(1, math.ceil(seconds / 60))}m"


def _say(console: Console, text: str) -> None:
    console.print(plain(text), highlight=False, markup=False, soft_wrap=True)
