"""The questions of a general skill: a fixed number of another task's test questions, which nothing is trained on."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from paretune.spec import InputError, Recipe, RowsReport, Skill, SkillEntry, TaskCard, TaskSpec
from paretune.tasks.asking import Answer, Respondent
from paretune.tasks.base import AnyTask, Example, Split, Task
from paretune.tasks.registry import task_of

_HOW_MANY = ("train_size", "validation_size", "test_size", "seed")


class SkillQuestions(Task):
    """A task of which some test questions are left and nothing else: prompts, answers and scores are the task's own."""

    card: ClassVar[TaskCard]

    def __init__(self, task: Task, num_questions: int) -> None:
        """At most `num_questions` are asked, evenly spread over the test split: files may be sorted.

        Raises `InputError` where the task has no test questions, or is not scored by a share of right answers.
        """
        self._task = task
        self.options = task.options
        # These are what the task at hand has.
        self.card, self.kind, self.generates = task.card, task.kind, task.generates  # type: ignore[misc]
        self.stop, self.max_new_tokens = task.stop, task.max_new_tokens  # type: ignore[misc]
        self.corpus_metrics = task.corpus_metrics
        self._questions = _spread(task.examples("test"), num_questions)
        if len(self._questions) < 2:
            raise InputError(
                f'task "{task.card.name}": a skill needs two test questions or more, and its test split has '
                f"{len(self._questions)}; leave it out of skills"
            )
        main = task.card.main_metric
        if not main.is_share:
            raise InputError(
                f'task "{task.card.name}": its main metric is {main.words}, and a skill is judged by a share of right '
                "answers; leave it out of skills, or choose another metric with an option of the task"
            )

    @property
    def skill(self) -> Skill:
        """Return it as data, for a trial."""
        return Skill(task=self.spec(), num_questions=len(self._questions))

    def spec(self) -> TaskSpec:
        """Return the task as data, with the hash of the questions that are asked and the main metric alone."""
        return self._task.spec_with(self.content_hash, self.card.metrics[:1])

    @cached_property
    def content_hash(self) -> str:
        """Hash over the questions that are asked."""
        return self._task.hash_of_questions(self._questions)

    @property
    def rows(self) -> RowsReport | None:
        """What became of the rows of a person's own data."""
        return self._task.rows

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the questions as the test split; the other splits are empty."""
        return self._questions if split == "test" else ()

    def score(self, text: str, example: Example) -> Mapping[str, float]:
        """Return the values that the task gives a text."""
        return self._task.score(text, example)

    def ask(self, model: Respondent, examples: Sequence[Example]) -> list[Answer]:
        """Put questions to a model as the task does."""
        return self._task.ask(model, examples)

    def check_recipe(self, recipe: Recipe) -> None:
        """Raise `InputError` for a recipe that does not go with the task."""
        self._task.check_recipe(recipe)

    def why_no_reference(self, example: Example) -> str | None:
        """Return why no answer to a question could be right."""
        return self._task.why_no_reference(example)

    def overlap_with(self, task: AnyTask) -> str | None:
        """Say in what a skill is part of a study's own task, or return None where it is not."""
        name = self.card.name
        if not isinstance(task, Task):
            return None
        if name == task.card.name and self.rows is None and _kind_of_questions(self) == _kind_of_questions(task):
            return f'the study trains on task "{name}" itself'
        splits: tuple[Split, ...] = ("train", "validation", "test")
        own = {(one.prompt, one.picture) for split in splits for one in task.examples(split)}
        shared = sum((one.prompt, one.picture) in own for one in self._questions)
        if shared:
            number = len(self._questions)
            return f'{shared} of its {number} questions are examples of task "{task.card.name}" of the study'
        return None


def _kind_of_questions(task: Task) -> dict[str, Any]:
    """Return the options that say what a task asks: all but the numbers of examples and the seed."""
    return {name: value for name, value in task.options.items() if name not in _HOW_MANY}


def named_skill(task: AnyTask, entry: SkillEntry) -> SkillQuestions:
    """Return the skill that a study names. Raises `InputError` as `SkillQuestions`, and for what no text answers."""
    return SkillQuestions(task.in_words(), entry.num_questions)


def skill_of(skill: Skill) -> SkillQuestions:
    """Return the questions that a trial was planned with. Raises `InputError` where they changed since."""
    found = SkillQuestions(task_of(skill.task).in_words(), skill.num_questions)
    if found.content_hash != skill.task.content_hash:
        raise InputError(
            f'skills: task "{skill.task.name}": its test questions changed since the trial was planned; run the study '
            "again"
        )
    return found


def skill_names(skills: Sequence[Skill]) -> list[str]:
    """Return how each skill of a trial is called: by its task, with the beginning of its hash where two have one."""
    names = [skill.task.name for skill in skills]
    return [
        name if names.count(name) == 1 else f"{name} ({(skill.task.content_hash or '')[:6]})"
        for name, skill in zip(names, skills, strict=True)
    ]


def _spread(examples: Sequence[Example], most: int) -> tuple[Example, ...]:
    """Return `most` examples at equal distances, all of them where there are no more."""
    number = min(most, len(examples))
    return tuple(examples[place * len(examples) // number] for place in range(number))
