"""What the trials of a plan would be trained with: data, steps, seeds and learning rates, as lines of text."""

from collections.abc import Iterable, Mapping, Sequence

from paretune.execute.prepare import Prepared
from paretune.report.amounts import FEW_ITEMS, few_items_note, seen_text
from paretune.report.format import plain, rate
from paretune.spec import EMBEDDED_ENCODER, EMBEDDED_MODEL, Skill, Study, Trial
from paretune.tasks import Split, skill_names

_MOST_RATES = 3
_SMALL = (EMBEDDED_MODEL, EMBEDDED_ENCODER, "toy:", "shipped:")
"""How references of base models begin that the default rates are meant for."""
SMALL_MODEL_NOTE = (
    "Default learning rates are starting points for models of some 100 million parameters; larger models need lower "
    "ones. Tune them ([tuning] in a study file), or set learning_rate."
)


def settings_lines(prepared: Prepared) -> list[str]:
    """Return the sizes of the splits, what every trial shares, and the learning rates of each method."""
    lines = [_data(name, sizes) for name, sizes in prepared.blueprint.split_sizes.items()]
    lines += _trainings(prepared)
    if skills := next((trial.skills for trial in prepared.stages.trials if trial.skills), ()):
        lines.append(_skills(skills))
    if rates := learning_rates(prepared.stages.trials):
        what = "Learning rates of the first round" if prepared.study.tuning else "Learning rates"
        lines.append(f"{what}: {', '.join(f'{plain(label)} {_rates(found)}' for label, found in rates.items())}.")
    return lines


def _skills(skills: Sequence[Skill]) -> str:
    named = zip(skill_names(skills), skills, strict=True)
    texts = [f"{skill.num_questions:,} questions of {plain(name)}" for name, skill in named]
    return f"General skills: {', '.join(texts)}, asked of the base model once and of each final trial's model."


def default_rate_notes(study: Study) -> list[str]:
    """Return a warning where methods train a model that is not small at their default learning rates, untuned."""
    if study.tuning is not None or study.learning_rates or study.base_model.startswith(_SMALL):
        return []
    by_default = [entry for entry in study.methods if entry.learning_rate is None and entry.name != "base"]
    return [SMALL_MODEL_NOTE] if by_default else []


def learning_rates(trials: Iterable[Trial]) -> dict[str, list[float]]:
    """Return the learning rates of each method that trains, ascending, by its label."""
    found: dict[str, set[float]] = {}
    for trial in trials:
        if trial.learning_rate is not None:
            found.setdefault(trial.method.label, set()).add(trial.learning_rate)
    return {label: sorted(rates) for label, rates in found.items()}


def _data(name: str, sizes: Mapping[Split, int]) -> str:
    return (
        f"Data of {plain(name)}: {sizes['train']:,} examples for training, {sizes['validation']:,} for validation, "
        f"{sizes['test']:,} for the test."
    )


def few_test_items_notes(prepared: Prepared) -> list[str]:
    """Return a warning for each task whose test has few items."""
    mains = {trial.task.name: trial.task.metrics[0] for trial in prepared.stages.trials if trial.task.metrics}
    sizes = {name: found["test"] for name, found in prepared.blueprint.split_sizes.items() if name in mains}
    few = {name: number for name, number in sizes.items() if number < FEW_ITEMS and mains[name].is_share}
    return list(dict.fromkeys(few_items_note(mains[name], number) for name, number in few.items()))


def _trainings(prepared: Prepared) -> list[str]:
    """Return how long each task is trained on, a line each, all in one where they agree."""
    study = prepared.study
    found: dict[str, list[str]] = {}
    for name, sizes in prepared.blueprint.split_sizes.items():
        recipe = study.recipe.for_examples(sizes["train"])
        text = (
            f"{seen_text(recipe, recipe.num_examples_seen / sizes['train'])}, at most {recipe.max_length:,} tokens each"
        )
        if study.recipe.epochs is not None and recipe.steps in (study.recipe.min_steps, study.recipe.max_steps):
            text += f" (min_steps = {study.recipe.min_steps}, max_steps = {study.recipe.max_steps})"
        found.setdefault(text, []).append(name)
    seeds = f"seed{'' if len(study.seeds) == 1 else 's'} {', '.join(map(str, study.seeds))}"
    if len(found) == 1:
        return [f"Each trial: {next(iter(found))}; {seeds}."]
    return [f"Each trial on {plain(', '.join(names))}: {text}; {seeds}." for text, names in found.items()]


def _rates(found: list[float]) -> str:
    if len(found) > _MOST_RATES:
        return f"{len(found)} from {rate(found[0])} to {rate(found[-1])}"
    return " and ".join(map(rate, found)) if len(found) < 3 else "/".join(map(rate, found))
