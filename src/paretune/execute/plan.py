"""From a study to its trials: everything filled in, nothing trained yet."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from paretune.execute.data_sets import DataSets
from paretune.kinds import kind_named, kind_of
from paretune.methods import prior_learning_rate, resolve
from paretune.models import base_content, check_reference
from paretune.spec import InputError, MethodEntry, MethodSpec, Metric, Problems, Recipe, Skill, Study, Trial, naming
from paretune.spec.tuning import VALIDATION_LOSS
from paretune.tasks import AnyTask, SkillQuestions, fixed_general_text

_OF_QUANTISED_WEIGHTS = {"quantisation", "double_quantisation", "quantised_compute_dtype"}
"""Fields of a method's own recipe that hold for the untouched base model too."""


class Planned(NamedTuple):
    """A trial, and the study's entry that it comes from."""

    trial: Trial
    entry: MethodEntry
    num_examples: int
    """Training examples of its task."""


def plan(study: Study) -> list[Trial]:
    """Return the trials of `planned`."""
    return [one.trial for one in planned(study, DataSets())]


def planned(study: Study, data: DataSets) -> list[Planned]:
    """Return every trial of a study, in the order in which they run: all methods with the first seed first.

    Of a study that tunes, these are its final trials as they would be at every method's prior.

    Raises `InputError` for an unknown method, task, option or reference, for a base model whose content cannot be
    known, and when two cells are the same trial.
    """
    problems = Problems()
    tasks: list[tuple[AnyTask, int]] = []
    methods: list[tuple[MethodEntry, MethodSpec, tuple[float | None, ...], Recipe]] = []
    with problems.collected():
        check_reference(study.base_model)
        content = base_content(study.base_model)
    for named in study.tasks:
        with problems.collected():
            task = data.task(named.name, named.options, named.version)
            task.spec()  # reads the data
            tasks.append((task, kind_of(task).num_examples(task, "train")))
    for entry in study.methods:
        with problems.collected():
            method = resolve(entry)
            recipe = recipe_of(study, entry if method.trains else _only_held(entry))
            methods.append((entry, method, _rates(study, entry, method), recipe))
    with problems.collected():
        wanted = study.general_text
        general_text = fixed_general_text(wanted, data.texts(wanted)) if wanted else None
    with problems.collected():
        _check_choice(study, [task for task, _ in tasks])
    with problems.collected():
        _check_metrics(study, [task for task, _ in tasks])
    with problems.collected():
        skills = _skills(study, data, [task for task, _ in tasks])
    problems.refuse()
    trials = [
        Planned(
            Trial(
                base_model=study.base_model,
                base_content=content,
                task=task.spec(),
                method=method,
                learning_rate=rate,
                seed=seed,
                recipe=kind_of(task).recipe(recipe.for_examples(num_examples)),
                general_text=general_text,
                skills=skills,
            ),
            entry,
            num_examples,
        )
        for task, num_examples in tasks
        for seed in study.seeds
        for entry, method, rates, recipe in methods
        if method.trains or seed == study.seeds[0]
        for rate in rates
    ]
    _check_twins(study, trials)
    return trials


def _skills(study: Study, data: DataSets, tasks: list[AnyTask]) -> tuple[Skill, ...]:
    """Return the general skills. Raises `InputErrors` with a line for each that does not exist or does not fit."""
    for task in tasks if study.skills else ():
        if not kind_of(task).skill_kinds:
            words = (
                f'task "{task.card.name}" needs {kind_of(task).words}, and skills are asked of models that write text'
            )
            raise InputError(f"skills: {words}; leave skills out")
    problems, found = Problems(), list[SkillQuestions]()
    for place, entry in enumerate(study.skills):
        with problems.collected(), naming(f"skills[{place}]"):
            questions = data.named_skill(entry)
            for task in tasks:
                _check_skill(questions, task)
            if any(one.skill.identified == questions.skill.identified for one in found):
                raise InputError(f'task "{entry.name}" is named twice: leave one of them out')
            found.append(questions)
    problems.refuse()
    return tuple(questions.skill for questions in found)


def _check_skill(questions: SkillQuestions, task: AnyTask) -> None:
    """Raise `InputError` for a skill that the model of a task cannot be asked, or that is part of the task."""
    kind = kind_of(task)
    if questions.kind not in kind.skill_kinds:
        raise InputError(
            f'task "{questions.card.name}" needs {kind_named(questions.kind).words}, and task "{task.card.name}" of '
            f"the study {kind.words}; leave it out of skills"
        )
    if (overlap := questions.overlap_with(task)) is not None:
        raise InputError(f'task "{questions.card.name}": {overlap}; name skills that the study does not train')


def _check_twins(study: Study, trials: list[Planned]) -> None:
    """Refuse two rows that differ in their labels alone, and a rate, seed or task that is there twice."""
    twice = [seed for seed, number in Counter(study.seeds).items() if number > 1]
    if twice:
        raise InputError(f'study "{study.name}": seed {twice[0]} is named twice: leave one of them out')
    seen: dict[tuple[str, str], str] = {}
    for trial, entry, _ in trials:
        label = trial.method.label
        cell = (trial.id, repr(sorted(entry.tune.items())))
        if cell in seen:
            what = f'"{label}" with learning rate {trial.learning_rate} appears twice'
            if seen[cell] != label:
                what = f'methods "{seen[cell]}" and "{label}" differ only in their labels: remove one of them'
            raise InputError(f'study "{study.name}": {what}')
        seen[cell] = label


def _check_choice(study: Study, tasks: list[AnyTask]) -> None:
    """Refuse to choose by a metric that a task does not have: nothing could ever be chosen by it."""
    if study.tuning is None or study.tuning.choose_by == VALIDATION_LOSS:
        return
    for task in tasks:
        if study.tuning.choose_by != task.card.main_metric.name:
            raise InputError(
                f'[tuning] choose_by = "{study.tuning.choose_by}": task "{task.card.name}" does not measure it; '
                f'choose by "{VALIDATION_LOSS}" or "{task.card.main_metric.name}"'
            )


def _check_metrics(study: Study, tasks: list[AnyTask]) -> None:
    """Refuse two metrics of one name that are not the same: tables, limits and SQL know them by their names."""
    seen: dict[str, tuple[str, Metric]] = {}
    for task in tasks:
        for metric in task.card.metrics:
            first, other = seen.setdefault(metric.name, (task.card.name, metric))
            if (metric.unit, metric.direction, metric.per) != (other.unit, other.direction, other.per):
                raise InputError(
                    f'study "{study.name}": tasks "{first}" and "{task.card.name}" both score "{metric.name}" and mean '
                    "different things by it; study them apart"
                )


def _only_held(entry: MethodEntry) -> MethodEntry:
    """Return the entry of a method that trains nothing without what its own recipe says about training."""
    held = {name: value for name, value in entry.recipe.items() if name in _OF_QUANTISED_WEIGHTS}
    return entry.model_copy(update={"recipe": held})


def recipe_of(study: Study, entry: MethodEntry, tuning: Mapping[str, Any] | None = None) -> Recipe:
    """Return the study's recipe with the departures of tuning, if given, and of one method. The method's win."""
    recipe, where = study.recipe, f'method "{entry.row_label}", recipe'
    for departures in (tuning or {}, entry.recipe):
        recipe = recipe.with_changes(departures, where) if departures else recipe
    return recipe


def _rates(study: Study, entry: MethodEntry, method: MethodSpec) -> tuple[float | None, ...]:
    if not method.trains:
        return (None,)
    if entry.learning_rate is not None:
        return (entry.learning_rate,)
    if study.learning_rates:
        return study.learning_rates
    prior = prior_learning_rate(method)
    if prior is None:
        raise InputError(
            f'method "{method.label}" has no default learning rate: give it one with learning_rate'
            + ("" if study.tuning else ", or give the study learning_rates")
        )
    return (prior,)
