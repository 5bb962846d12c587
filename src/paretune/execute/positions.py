"""Whether a base model can read a trial's texts with the virtual tokens that its method puts before them."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property

from paretune.execute.base import Base
from paretune.execute.data_sets import DataSets
from paretune.kinds import LongText
from paretune.kinds.skills import longest_skill_questions
from paretune.methods import Method, build
from paretune.spec import InputError, Recipe, Trial
from paretune.tasks import AnyTask

_SHORTEST = next(rule.ge for rule in Recipe.model_fields["max_length"].metadata if hasattr(rule, "ge"))


class LongestTexts:
    """The longest texts of a task, under one `max_length`. They are looked up when they are first asked for."""

    def __init__(self, task: AnyTask, trial: Trial, base: Base, data: DataSets) -> None:
        self._task = task
        self._trial = trial
        self._base = base
        self._data = data

    @cached_property
    def example(self) -> int:
        """Tokens of the longest text that `max_length` limits."""
        return self._base.kind.longest_example(self._task, self._trial, self._base.tokenizer)

    @cached_property
    def others(self) -> Sequence[LongText]:
        """The longest of the other texts."""
        tokenizer = self._base.tokenizer
        own = self._base.kind.other_texts(self._task, self._trial, tokenizer, self._data.texts)
        return [*own, *longest_skill_questions(self._trial, tokenizer, self._data.skill)]


def check_virtual_tokens(trial: Trial, base: Base) -> None:
    """Raise `InputError` for more virtual tokens than leave room for the shortest `max_length` there is."""
    most, virtual = base.positions.most, build(trial.method).num_virtual_tokens(_SHORTEST)
    if most is not None and virtual and virtual + _SHORTEST > most:
        raise InputError(
            f'method "{trial.method.label}": {virtual} virtual tokens leave no room for a text: '
            f"{trial.base_model} reads {most} tokens at once; give it fewer"
        )


def check_positions(trial: Trial, base: Base, texts: LongestTexts) -> None:
    """Raise `InputError` for texts that a base model cannot read behind the virtual tokens of a trial's method.

    Without virtual tokens, only a table of learned positions is a limit.
    """
    method, (most, learned), max_length = build(trial.method), base.positions, trial.recipe.max_length
    virtual = method.num_virtual_tokens(max_length)
    if most is None or method.text_learner() is not None or not (learned or virtual):
        return
    if method.trains and max_length + virtual > most:  # else no example can be too long
        virtual = method.num_virtual_tokens(texts.example)
        if texts.example + virtual > most:
            text = LongText(f'the longest example of task "{trial.task.name}"', texts.example, _mend(method, most))
            raise InputError(_refusal(trial, method, text, virtual, most))
    for text in texts.others:
        if text.num_tokens + virtual > most:
            raise InputError(_refusal(trial, method, text, virtual, most))


def _mend(method: Method, most: int) -> str:
    """Return how examples become short enough: by the largest `max_length` that goes with a method."""
    room = bisect_right(range(most + 1), most, key=lambda length: length + method.num_virtual_tokens(length)) - 1
    return f"set max_length = {room} in the recipe of all methods (--max-length {room})"


def _refusal(trial: Trial, method: Method, text: LongText, virtual: int, most: int) -> str:
    found = f"{text.words} has {text.num_tokens} tokens"
    reads = f"more than the {most} that {trial.base_model} reads; {text.mend}"
    if not virtual:
        return f"{found}, {reads}"
    fewest = "" if method.num_virtual_tokens(0) == virtual else "up to "
    return (
        f'method "{trial.method.label}": {found} and stands behind {fewest}{virtual} virtual tokens, together {reads}'
    )
