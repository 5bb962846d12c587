"""What is looked at before the first trial starts: everything that can be known without the base model's weights."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from paretune.execute.base import Base, OnSkipped, read_base
from paretune.execute.data_sets import DataSets
from paretune.execute.positions import LongestTexts, check_positions, check_virtual_tokens
from paretune.execute.rehearsal import rehearse
from paretune.kinds import kind_named, kind_on
from paretune.kinds.skills import check_skill
from paretune.methods import check_method
from paretune.methods.quantised_bases import PACKED, check_on_packed, check_on_quantised
from paretune.methods.sharded import check_sharded
from paretune.models import check_attention, check_quantised, pinned
from paretune.models.quantisation import own_quantisation
from paretune.spec import InputError, Problems, Trial, Unavailable, naming
from paretune.spec.quantisation import FOUR_BITS, QuantisedFormat

OnCheck = Callable[[int, int], None]
"""Is called with the number of methods checked, and their total."""


def check_trials(
    trials: Sequence[Trial],
    on_check: OnCheck | None = None,
    *,
    data: DataSets | None = None,
    refuse_unavailable: bool = True,
    on_skipped: OnSkipped | None = None,
) -> dict[str, str]:
    """Refuse what could only fail once a trial has started, and return why methods cannot run here, by label.

    The trials are of one study: they share a base model. Looked at are hardware, quantisation, kinds of model and task,
    lengths of examples, and every method's parameters, by attaching it to the base model without weights. Raises
    `InputErrors` with all that a person has to mend; methods that cannot run on this machine or base model are among
    it unless `refuse_unavailable` is false. `data` is what planning has read already. With
    `on_skipped`, what needs a tokenizer that cannot be had is not checked.
    """
    if not trials:
        return {}
    problems, data = Problems(), data or DataSets()
    (planned,) = {(trial.base_model, trial.base_content) for trial in trials}
    reference = pinned(*planned)
    for trial in _one_of_each(trials, lambda trial: trial.task.canonical_json()):
        with problems.collected():
            kind_on(data.planned(trial.task), reference)
    for attention in dict.fromkeys(trial.recipe.attention for trial in trials):
        with problems.collected():
            check_attention(attention)
    problems.refuse()  # what comes next needs a base model of the right kind
    bases = {name: read_base(reference, kind_named(name), on_skipped) for name in {trial.task.kind for trial in trials}}
    for trial in _one_of_each(trials, lambda trial: (trial.task.kind, trial.recipe.quantised, trial.recipe.sharding)):
        with problems.collected():
            _check_quantisation(trial, bases[trial.task.kind])
            _check_sharding(trial, bases[trial.task.kind])
    problems.refuse()
    usable = _with_usable_examples(trials, bases, data, problems)
    for trial in _one_of_each(trials, _what_skills_depend_on):
        _check_skills(trial, bases[trial.task.kind], data, problems)
    unavailable: dict[str, str] = {}
    longest: dict[object, LongestTexts] = {}
    rehearsed = _one_of_each(trials, _what_attaching_depends_on)
    for number, trial in enumerate(rehearsed):
        if on_check is not None:
            on_check(number, len(rehearsed))
        with problems.collected():
            try:
                base, task = bases[trial.task.kind], data.planned(trial.task)
                _check_attaching(trial, base)
                rehearse(trial, base, base.kind.config_for(task, base.shape.config))
                if (examples := _what_examples_depend_on(trial)) in usable:  # others are refused or skipped
                    texts = longest.setdefault(examples, LongestTexts(task, trial, base, data))
                    check_positions(trial, base, texts)
            except Unavailable as error:
                unavailable.setdefault(trial.method.label, str(error))
    if refuse_unavailable:
        problems.lines += [f"{reason} (--skip-unavailable runs the rest)" for reason in unavailable.values()]
    problems.refuse()
    return unavailable


def _with_usable_examples(
    trials: Sequence[Trial], bases: Mapping[str, Base], data: DataSets, problems: Problems
) -> set[object]:
    """Return what the examples of trials depend on, where they can be used and their tokens counted."""
    usable: set[object] = set()
    for trial in _one_of_each(trials, _what_examples_depend_on):
        with problems.collected():
            base, task = bases[trial.task.kind], data.planned(trial.task)
            if not base.counts_tokens:
                continue
            base.kind.check(task, trial, base.tokenizer, data.texts)
            usable.add(_what_examples_depend_on(trial))
    return usable


def _check_skills(trial: Trial, base: Base, data: DataSets, problems: Problems) -> None:
    """Collect what keeps the questions of a trial's general skills from being asked."""
    for place, skill in enumerate(trial.skills if base.counts_tokens else ()):
        with problems.collected(), naming(f"skills[{place}]"):
            check_skill(data.skill(skill), trial.recipe, base.tokenizer)


def _check_attaching(trial: Trial, base: Base) -> None:
    """Raise `InputError` unless the method goes with the base model, as the recipe quantises or shards it."""
    check_method(trial.method, base.module_names)
    if (form := _quantised_format(trial, base)) is not None:
        check_on_quantised(trial.method, form, base.shape.ties_embeddings)
    if (own := own_quantisation(base.shape.config)) is not None and own.method in PACKED:
        check_on_packed(trial.method, own.method)
    if trial.recipe.sharding is not None:
        check_sharded(trial.method, quantised=form is not None)
    check_virtual_tokens(trial, base)


def _check_quantisation(trial: Trial, base: Base) -> None:
    """Raise `InputError` unless the base model can be held here as the trial and its own configuration say."""
    wanted = trial.recipe.quantised
    if wanted is not None and not base.kind.quantises:
        raise InputError(f'recipe: quantisation = "{wanted.format}": not with {base.kind.words}; leave it out')
    check_quantised(wanted, base.shape.config, trial.base_model)


def _check_sharding(trial: Trial, base: Base) -> None:
    """Raise `InputError` unless the base model can be sharded."""
    if trial.recipe.sharding is None:
        return
    if not base.kind.shards:
        raise InputError(
            f'recipe: sharding: task "{trial.task.name}" cannot be sharded, only tasks that a language model answers '
            "in words; leave sharding out"
        )
    own = own_quantisation(base.shape.config)
    if own is not None and (own.quantisation is None or own.quantisation.format not in FOUR_BITS):
        raise InputError(
            f"recipe: sharding: {trial.base_model} is quantised ({own.words}) and cannot be sharded; leave it out"
        )


def _quantised_format(trial: Trial, base: Base) -> QuantisedFormat | None:
    """Return the format of the linear layers, asked for or the base model's own, where an audit knows it."""
    own = own_quantisation(base.shape.config)
    quantisation = trial.recipe.quantised or (own and own.quantisation)
    return quantisation.format if quantisation else None


def _one_of_each(trials: Iterable[Trial], key: Callable[[Trial], object]) -> list[Trial]:
    """Return the first trial of those with the same key, for each key."""
    found: dict[object, Trial] = {}
    for trial in trials:
        found.setdefault(key(trial), trial)
    return list(found.values())


def _what_examples_depend_on(trial: Trial) -> object:
    # A row that is not trained may be shown worked examples.
    asked_with = None if trial.method.trains else trial.method.canonical_json()
    return trial.task.canonical_json(), trial.recipe.max_length, trial.recipe.loss_on, asked_with


def _what_skills_depend_on(trial: Trial) -> object:
    skills = tuple(skill.canonical_json() for skill in trial.skills)
    return skills, trial.task.kind, trial.recipe.max_length, trial.recipe.temperature


def _what_attaching_depends_on(trial: Trial) -> object:
    return trial.task.kind, trial.method.canonical_json(), trial.recipe.canonical_json()
