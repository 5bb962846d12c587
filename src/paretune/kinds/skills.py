"""General skills: questions of other tasks, put to the base model before a method is attached and to the trained one.

Prompts, answers and scores are those of the task that the questions come from; no worked examples are put before them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import nn

from paretune.engine import LanguageRespondent, answering, check_references, ended_once, generator_for
from paretune.engine.pictured import picture_question
from paretune.kinds.base import LongText
from paretune.kinds.long_texts import longest_question
from paretune.models.processor import PictureTokenizer
from paretune.spec import CAUSAL_LM, GeneratorName, Recipe, Skill, SkillResult, Trial
from paretune.store import SharedValues
from paretune.tasks import SkillQuestions, skill_names, skill_of
from paretune.tasks.scoring import score_all

BASE_SCORES = "the base model's scores on a general skill"
AS_HELD = frozenset({"dtype", "quantisation", "double_quantisation", "quantised_compute_dtype", "attention"})
"""Fields of a recipe that decide what the base model computes."""
_AS_ANSWERED = AS_HELD | {"max_length", "temperature", "top_p"}
_SEED = 0
"""Where answers are sampled, the base model and every trained one draw the same random numbers."""
ReadSkill = Callable[[Skill], SkillQuestions]


class Answers(NamedTuple):
    """How a trial's questions are answered: those of its skills in the same way."""

    respondent: type[LanguageRespondent]
    batch_size: int
    rows_may_change: bool
    """Whether a pool of rows gives the same answers."""


class AskedSkills:
    """The general skills of a trial. The base model is asked once for all trials that answer in the same way."""

    def __init__(self, trial: Trial, tokenizer: Any, how: Answers, shared: SharedValues) -> None:
        self._trial = trial
        self._tokenizer = tokenizer
        self._how = how
        self._shared = shared
        self._before: list[list[float]] = []

    @cached_property
    def _questions(self) -> list[SkillQuestions]:
        return [skill_of(skill) for skill in self._trial.skills]

    def ask_base(self, model: nn.Module) -> None:
        """Put the questions to the untouched base model, unless another trial has.

        Raises `InputError` where they changed since the trial was planned.
        """
        for skill, questions in zip(self._trial.skills, self._questions, strict=True):
            of = {
                "base_model": self._trial.base,
                "skill": skill.identified,
                "generator": self._generator(model, questions),
                "batch_size": self._how.batch_size,
                **self._trial.recipe.model_dump(mode="json", include=set(_AS_ANSWERED)),
            }
            scores = self._shared.find(BASE_SCORES, of)
            if scores is None:
                scores = self._scores(model, questions)
                self._shared.keep(BASE_SCORES, of, scores)
            self._before.append(scores)

    def ask(self, model: nn.Module | None) -> tuple[SkillResult, ...]:
        """Put the questions to the trained model, and return what it lost; None is a base model that is as it was."""
        names = skill_names(self._trial.skills)
        found = []
        for name, questions, before in zip(names, self._questions, self._before, strict=True):
            after = before if model is None else self._scores(model, questions)
            found.append(SkillResult.of(name, questions.card.main_metric, before, after))
        return tuple(found)

    def _scores(self, model: nn.Module, questions: SkillQuestions) -> list[float]:
        """Return the main metric of each question."""
        tokenizer = tokenizer_for(questions, self._tokenizer)
        examples = [ended_once(example, tokenizer) for example in questions.examples("test")]
        respondent = _respondent_class(self._how, questions)(
            model, tokenizer, questions, self._trial.recipe,
            generator=self._generator(model, questions), batch_size=self._how.batch_size,
        )  # fmt: skip
        with _seeded():
            items = score_all(questions, examples, questions.ask(respondent, examples)).items
        return [item.scores[questions.card.main_metric.name] for item in items]

    def _generator(self, model: nn.Module, questions: SkillQuestions) -> GeneratorName:
        may_change = self._how.rows_may_change and _respondent_class(self._how, questions).pools
        return generator_for(model, self._trial.recipe, rows_may_change=may_change)


def tokenizer_for(questions: SkillQuestions, tokenizer: Any) -> Any:
    """Return a base model's tokenizer as it is for questions: without a picture where they have none."""
    text_alone = questions.kind == CAUSAL_LM and isinstance(tokenizer, PictureTokenizer)
    return tokenizer.without_pictures() if text_alone else tokenizer


def check_skill(questions: SkillQuestions, recipe: Recipe, tokenizer: Any) -> None:
    """Raise `InputError` for questions that cannot be put to the base model, or whose answers cannot be scored right.

    Looked at before anything runs.
    """
    tokenizer = tokenizer_for(questions, tokenizer)
    questions.check_recipe(recipe)
    if questions.kind != CAUSAL_LM:
        picture_question(questions.examples("test")[0], tokenizer)
    elif questions.rows is not None:
        check_references(questions, tokenizer, answering(questions, tokenizer))


def longest_skill_questions(trial: Trial, tokenizer: Any, read_skill: ReadSkill) -> Iterator[LongText]:
    """Yield the longest question of each skill with its answer, where the trial measures forgetting."""
    for skill in trial.skills if "forgetting" in trial.measures else ():
        questions = read_skill(skill)
        own = tokenizer_for(questions, tokenizer)
        if questions.kind == CAUSAL_LM:
            number = longest_question(questions, trial, own, num_shots=0).num_tokens
        else:
            written = answering(questions, own).max_new_tokens - 1  # nothing follows the last token
            number = max(len(picture_question(one, own)) for one in questions.examples("test")) + written
        words = f'the longest question of "{skill.task.name}" among the skills with its answer'
        yield LongText(words, number, "leave it out of skills")


def _respondent_class(how: Answers, questions: SkillQuestions) -> type[LanguageRespondent]:
    return LanguageRespondent if questions.kind == CAUSAL_LM else how.respondent


@contextmanager
def _seeded() -> Iterator[None]:
    """Draw from a fixed seed inside, and go on as before behind."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(_SEED)
        yield
