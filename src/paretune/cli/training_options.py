"""Options of `paretune run` that say how long and how methods are trained, and what they change in a study."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from paretune.spec import InputError, MethodEntry, Study, nearest

OWN_DATA_LENGTH = {"epochs": 3.0, "min_steps": 20, "max_steps": 500}
"""How long own data is trained on where nothing says so. Default learning rates suit runs of this length."""


class Training(NamedTuple):
    """What the command line says about training; None is not given."""

    steps: int | None = None
    epochs: float | None = None
    batch_size: int | None = None
    max_length: int | None = None
    learning_rate: Sequence[str] | None = None
    """A learning rate, or METHOD=LEARNING_RATE."""
    seeds: str | None = None

    def applied(self, study: Study) -> Study:
        """Return the study with what the options put in the place of its settings.

        Raises `InputError` for values that cannot be, and for learning rates of methods that are not there.
        """
        from paretune.methods import without_schedule

        changes: dict[str, Any] = {}
        given = {name: getattr(self, name) for name in ("steps", "epochs", "batch_size", "max_length")}
        recipe = {name: value for name, value in given.items() if value is not None}
        if self.steps is not None and self.epochs is not None:
            raise InputError("--steps and --epochs exclude each other: leave one of them out")
        if recipe:
            changes["recipe"] = study.recipe.with_changes(recipe, "the options")
        if recipe.keys() & {"steps", "epochs"}:
            changes["methods"] = tuple(map(without_schedule, study.methods))
        if self.seeds is not None:
            changes["seeds"] = whole_numbers("--seeds", self.seeds, "0,1,2")
        if self.learning_rate:
            changes |= _with_learning_rates(changes.get("methods", study.methods), self.learning_rate)
        values = {name: getattr(study, name) for name in Study.model_fields}
        return Study.read(values | changes, "the options") if changes else study


def whole_numbers(option: str, given: str, example: str) -> list[int]:
    """Return the numbers that an option names, separated by commas. Raises `InputError` for what is no whole number."""
    parts = [part.strip() for part in given.split(",")]
    for part in parts:
        if not (part.isascii() and part.isdigit()):
            raise InputError(f'{option}: "{part}" is not a whole number; write {example}')
    return [*map(int, parts)]


def _with_learning_rates(methods: Sequence[MethodEntry], options: Sequence[str]) -> dict[str, Any]:
    """Return the learning rates of all methods, and the methods with the rates that name them."""
    labels = [method.row_label for method in methods]
    shared: list[float] = []
    own: dict[str, float] = {}
    for option in options:
        name, _, value = option.rpartition("=")
        if not name:
            shared.append(_number(option, value))
        elif name not in labels:
            raise InputError(f'--learning-rate {option}: no method "{name}"{nearest(name, labels)}')
        elif name in own:
            raise InputError(f"--learning-rate: {name} is given twice")
        elif name == "base":
            raise InputError(f"--learning-rate {option}: the untouched base model is not trained")
        else:
            own[name] = _number(option, value)
    if not shared:
        return {"methods": tuple(_with_rate(method, own) for method in methods)}
    free = [method.model_copy(update={"learning_rate": None}) for method in methods]
    return {"learning_rates": tuple(shared), "methods": tuple(_with_rate(method, own) for method in free)}


def _with_rate(method: MethodEntry, rates: dict[str, float]) -> MethodEntry:
    rate = rates.get(method.row_label, method.learning_rate)
    return method.model_copy(update={"learning_rate": rate})


def _number(option: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError(f"--learning-rate {option}: write 1e-4 for all methods, or METHOD=1e-4 for one") from None
