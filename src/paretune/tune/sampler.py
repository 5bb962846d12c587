"""Settings drawn by optuna's samplers, asked and told. The same study and records give the same draws in every run."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from paretune.spec import Between, Candidate, InputError, Metric, TunedValues, Tuning
from paretune.tune.choose import Point
from paretune.tune.grid import Bounds, rate_at, rounded

if TYPE_CHECKING:
    import optuna

_RATE = "learning_rate"
_MOST_REPEATS = 200
"""Settings in a row that were drawn before: then there are none left to draw."""


class Draw(NamedTuple):
    """Number of settings drawn from the same bounds before the sampler gets their results."""

    bounds: Bounds
    size: int


def drawn(
    tuning: Tuning,
    prior: float,
    values: Mapping[str, TunedValues],
    draws: Sequence[Draw],
    result_of: Callable[[Candidate], Point],
    *,
    metric: Metric,
) -> list[Candidate]:
    """Return all candidates of these draws, in order, without trial ids. No setting comes twice.

    The sampler is rebuilt from its seed and told, after each draw but the last, how that draw's candidates did:
    `result_of` returns the point of a candidate, with its value of `metric`. A setting that diverged counts as worse
    than any other; one that failed for another reason tells a sampler nothing. Raises `InputError` where there are
    fewer settings than are to be drawn.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    lower = metric.lower_is_better
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(sampler=_sampler(tuning), direction="minimize" if lower else "maximize")
        candidates: list[Candidate] = []
        for draw in draws:
            asked: list[tuple[optuna.Trial, Candidate]] = []
            repeats = 0
            while len(asked) < draw.size:
                trial = study.ask()
                candidate = _suggested(trial, tuning, prior, values, draw.bounds)
                if any(candidate == other for other in (*candidates, *(one for _, one in asked))):
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)  # drawn before: nothing new to hear
                    repeats += 1
                    if repeats == _MOST_REPEATS:
                        raise InputError(_too_few(tuning, len(candidates) + len(asked)))
                    continue
                repeats = 0
                asked.append((trial, candidate))
            candidates += [candidate for _, candidate in asked]
            if draw is not draws[-1]:
                for trial, candidate in asked:
                    _tell(study, trial, result_of(candidate), worst=math.inf if lower else -math.inf)
    return candidates


def _too_few(tuning: Tuning, num_found: int) -> str:
    return (
        f"[tuning] trials = {tuning.trials}: rates = {tuning.rates} with per_decade = {tuning.per_decade} span only "
        f"{num_found} different settings; give more rates, a smaller per_decade or fewer trials"
    )


def _sampler(tuning: Tuning) -> "optuna.samplers.BaseSampler":
    import optuna

    if tuning.sampler == "random":
        return optuna.samplers.RandomSampler(seed=tuning.sampler_seed)
    return optuna.samplers.TPESampler(seed=tuning.sampler_seed, n_startup_trials=tuning.ask_at_once)


def _suggested(
    trial: "optuna.Trial", tuning: Tuning, prior: float, values: Mapping[str, TunedValues], bounds: Bounds
) -> Candidate:
    """Return the next setting. Bounds reach half a step beyond their outer rates, so that each has a step's width."""
    low, high = (rate_at(prior, end, tuning.per_decade) for end in (bounds.low - 0.5, bounds.high + 0.5))
    rate = min(max(rounded(trial.suggest_float(_RATE, low, high, log=True)), low), high)
    return Candidate(learning_rate=rate, parameters={name: _value(trial, name, one) for name, one in values.items()})


def _value(trial: "optuna.Trial", name: str, values: TunedValues) -> Any:
    if not isinstance(values, Between):
        return values[trial.suggest_categorical(name, range(len(values)))]  # a value may be a list, a category may not
    low, high = values.low, values.high
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=values.log)
    return rounded(trial.suggest_float(name, low, high, log=values.log))


def _tell(study: "optuna.Study", trial: "optuna.Trial", point: Point, worst: float) -> None:
    import optuna

    if point.figure is not None:
        study.tell(trial, point.figure)
    elif point.diverged:
        study.tell(trial, worst)
    else:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
