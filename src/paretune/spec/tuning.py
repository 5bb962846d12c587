"""How a study tunes: the same budget for every method, spent on validation data."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from paretune.spec.base import LARGEST_COUNT, LARGEST_SEED, Data, later

VALIDATION_LOSS = "validation_loss"


class Halving(Data):
    """Settings that do worse early are not trained to the end: successive halving (Jamieson and Talwalkar 2016).

    The same rule for every method. A setting that goes on is trained on from where it stopped, or anew from its first
    step where its method or its machine does not allow that; its losses are the same. The defaults are the cheapest
    rule that has chosen as the whole grid does for all methods of a study on which it was tried (decision 59).
    """

    after: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(default=(0.5,), min_length=1)
    """Shares of the steps after which settings are compared by validation loss, on the schedule of all steps."""
    keep: float = Field(default=0.4, gt=0, lt=1)
    """Share of a method's settings that goes on at each of these points, rounded up."""

    @model_validator(mode="after")
    def _later_and_later(self) -> Self:
        if list(self.after) != sorted(set(self.after)):
            raise ValueError(f"after = {list(self.after)}: each share must be above the one before")
        return self

    def num_kept(self, number: int) -> int:
        """Return how many of so many settings go on at one point."""
        return math.ceil(self.keep * number)

    def on_rungs(self, number: int) -> list[int]:
        """Return how many of so many settings are trained up to each point, and then to the end."""
        found = [number]
        for _ in self.after:
            found.append(self.num_kept(found[-1]))
        return found


class Tuning(Data):
    """What every method may try before its final trials. The defaults follow the protocol."""

    model_config = ConfigDict(allow_inf_nan=False)

    rates: int = Field(default=5, ge=3, le=49)
    """Learning rates of every method in the first round: an odd number, the method's prior in the middle."""
    per_decade: int = Field(default=4, ge=1, le=50)
    """Rates between one power of ten and the next; they are evenly spaced in the logarithm."""
    seeds: tuple[Annotated[int, Field(ge=0, le=LARGEST_SEED)], ...] = Field(default=(0,), min_length=1)
    """Seeds of the tuning trials; the selection metric is their mean."""
    choose_by: str = VALIDATION_LOSS
    """What decides, always on the validation split: the loss, or by its name the main metric of the study's tasks."""
    widen_by: int = Field(default=1, ge=1, le=LARGEST_COUNT)
    """Rates added on a side, for all methods, when any method's best lies at that edge."""
    max_widenings: int = Field(default=3, ge=0, le=LARGEST_COUNT)
    """How often the grid may be widened; what lies at an edge after that is marked."""
    sampler: Literal["grid", "random", "tpe"] = "grid"
    """Every combination of rates and tuned parameters, or `trials` settings drawn by optuna's sampler of that name."""
    trials: int | None = Field(default=None, ge=3, le=LARGEST_COUNT)
    """Settings that a sampler may try for each method in the first round."""
    ask_at_once: int = Field(default=4, ge=1, le=LARGEST_COUNT)
    """Settings a sampler draws before it learns their results. Fixed, so that the plan does not depend on `--jobs`."""
    sampler_seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Decides a sampler's draws. All methods share it, so that their learning rates are spread in the same way."""
    halving: Halving | None = later(None)
    """Compare settings early and train only the better ones to the end; None trains all of them. Grids only."""
    recipe: dict[str, Any] = {}
    """An explicit departure of all tuning trials from the study's recipe, shown with the curves."""

    @model_validator(mode="after")
    def _budget_is_clear(self) -> Self:
        if self.rates % 2 == 0:
            raise ValueError(f"rates = {self.rates}: must be odd, so that the default learning rate lies in the middle")
        if self.sampler != "grid" and self.trials is None:
            raise ValueError(f'sampler "{self.sampler}" needs trials: how many settings each method may try')
        if self.sampler == "grid" and self.trials is not None:
            raise ValueError('trials belongs to a sampler: add sampler = "tpe" or "random", or leave trials out')
        if self.sampler != "grid" and self.halving is not None:
            raise ValueError('halving belongs to sampler = "grid": leave one of the two out')
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {list(self.seeds)}: one is there twice")
        return self


class Between(Data):
    """Values of a parameter that a sampler may draw: whole numbers where both ends are whole."""

    low: int | float
    high: int | float
    log: bool = False
    """Whether the draw is even in the logarithm."""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low = {self.low} must lie below high = {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low = {self.low} must be above 0 where log = true")
        return self


def _list_or_range(value: object) -> str:
    return "range" if isinstance(value, dict | Between) else "list"


TunedValues = Annotated[
    Annotated[tuple[Any, ...], Field(min_length=1), Tag("list")] | Annotated[Between, Tag("range")],
    Discriminator(_list_or_range),
]
"""What a study lets a parameter be: a list of values, or a range for a sampler."""
