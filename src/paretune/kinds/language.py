"""Running language models: the answers that they give, and the text that they may forget."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from paretune.engine import LanguageRespondent, answer, ended_once, generator_for
from paretune.kinds.answer_memory import answer_peak
from paretune.kinds.base import Asked, Evaluation, OnProgress, ReadTexts, keep_answer_peak
from paretune.kinds.skills import AS_HELD, Answers, AskedSkills
from paretune.measure import Phases, check_texts, general_texts, text_losses
from paretune.models import LoadedModel
from paretune.models.tying import ties_embeddings
from paretune.spec import GeneralText, InputError, Phase, Recipe, SkillResult, Trial
from paretune.store import SharedValues
from paretune.tasks import Example, Split, Task, fixed_general_text, read_general_text
from paretune.tasks.scoring import score_all

BASE_LOSSES = "the base model's losses on general text"


CheckLengths = Callable[[Sequence[Example], Any, Recipe, Split], None]
"""Refuses examples of a split of which none is short enough for the recipe."""


def check_training(
    task: Task, trial: Trial, tokenizer: Any, read_texts: ReadTexts, check_lengths: CheckLengths
) -> None:  # fmt: skip
    """Refuse, where a trial trains, splits without a short example, and general text in which nothing is predicted."""
    if not trial.method.trains:
        return
    check_lengths(task.examples("train"), tokenizer, trial.recipe, "train")
    check_lengths(task.examples("validation"), tokenizer, trial.recipe, "validation")
    if trial.general_text is not None:
        check_texts(tokenizer, read_texts(trial.general_text), trial.general_text.max_tokens)


def evaluate(
    asked: Asked[Task],
    loaded: LoadedModel,
    phases: Phases,
    on_progress: OnProgress,
    respondent_class: type[LanguageRespondent] = LanguageRespondent,
) -> Evaluation:
    """Attach a saved method to a fresh base model, answer the questions, and compare with the base what was forgotten.

    The loss of the base on general text, and its answers to the questions of general skills, are read before the
    adapter exists, once for all trials. Forgetting and memory are left out where the trial does not measure them.
    """
    trial, task, method, checkpoint, limit, shared = asked
    recipe, measures = trial.recipe, trial.measures
    alone = method.answers_alone(tied_embeddings=ties_embeddings(trial.base_model), model_kind=task.kind)
    how = Answers(
        respondent_class,
        batch_size=1 if alone else recipe.answer_batch_size,
        rows_may_change=method.pools_answers and not alone and respondent_class.pools,
    )
    forgotten = _Forgotten(trial, loaded.tokenizer, how, shared) if "forgetting" in measures else None
    if forgotten is not None:
        with phases.during(Phase.RETAIN):
            forgotten.read_base(loaded.model)
    with phases.during(Phase.RELOAD):
        model = method.load(loaded.model, checkpoint)
    examples = [ended_once(example, loaded.tokenizer) for example in task.examples(trial.split)[:limit]]
    generator = generator_for(model, recipe, rows_may_change=how.rows_may_change)
    respondent = respondent_class(
        model, loaded.tokenizer, task, recipe,
        num_shots=method.num_shots, generator=generator, batch_size=how.batch_size, on_progress=on_progress,
        timed=lambda: phases.during(Phase.TEST),
    )  # fmt: skip
    answers = task.ask(respondent, examples)
    items, metrics, standard_errors, groups = score_all(task, examples, answers)
    metrics["answers_per_second"] = len(items) / phases.seconds(Phase.TEST)
    found = Evaluation(metrics, standard_errors, groups, items)
    if forgotten is not None:
        with phases.during(Phase.RETAIN):
            found = forgotten.read(None if method.leaves_base_model else model).added_to(found)
    if "memory" in measures and respondent.written is not None:
        prompts, settings = respondent.written
        # The same for every method, but for those that are evaluated with batch size 1.
        longest = [max(prompts, key=len)] * (1 if alone else recipe.memory_answer_batch_size)
        # No stop strings and no early end: every method writes answers of the same length.
        whole = {**settings, "min_new_tokens": settings["max_new_tokens"], "batch_size": len(longest)}
        with phases.during(Phase.MEASURE):
            write = partial(answer, model, loaded.tokenizer, longest, **whole)
            if respondent_class is LanguageRespondent:
                peak = answer_peak(asked, model, longest, whole, write=write, phases=phases)
            else:
                peak = phases.peak_bytes_of(model, write)
        keep_answer_peak(metrics, phases, peak)
    wrote = None if respondent.written is None else generator
    return found._replace(notes=task.about_answers(), generator=wrote)


class _Loss(NamedTuple):
    """What a trained model lost."""

    text_changes: tuple[float, ...]
    """The rise of each general text's loss per token, in nats."""
    skills: tuple[SkillResult, ...]

    def added_to(self, found: Evaluation) -> Evaluation:
        """Return an evaluation with these values among its metrics: means with their standard errors."""
        means = {"forgetting": self.text_changes}
        if self.skills:
            means["skills_lost"] = tuple(change for skill in self.skills for change in skill.changes)
        for name, values in means.items():
            changes = torch.tensor(values, dtype=torch.float64)
            found.metrics[name] = changes.mean().item()
            found.standard_errors[name] = (changes.std() / len(changes) ** 0.5).item()
        return found._replace(text_loss_changes=self.text_changes, skills=self.skills)


class _Forgotten:
    """General text and general skills, read before a method is attached and after."""

    def __init__(self, trial: Trial, tokenizer: Any, how: Answers, shared: SharedValues) -> None:
        self._trial = trial
        self._tokenizer = tokenizer
        self._shared = shared
        self._texts, self._reading = general_texts_of(trial.general_text)
        self._skills = AskedSkills(trial, tokenizer, how, shared)
        self._losses: Sequence[float] = ()

    def read_base(self, model: nn.Module) -> None:
        """Read what the untouched base model can do, from another trial where one has."""
        trial = self._trial
        of = {
            "base_model": trial.base,
            "general_text": trial.general_text and trial.general_text.identity,
            **trial.recipe.model_dump(mode="json", include=set(AS_HELD)),
        }
        losses: Sequence[float] | None = self._shared.find(BASE_LOSSES, of)
        if losses is None:
            losses = text_losses(model, self._tokenizer, self._texts, **self._reading)
            self._shared.keep(BASE_LOSSES, of, losses)
        self._losses = losses
        self._skills.ask_base(model)

    def read(self, model: nn.Module | None) -> _Loss:
        """Return what the trained model lost; None is a base model that is as it was."""
        losses = self._losses if model is None else text_losses(model, self._tokenizer, self._texts, **self._reading)
        rises = torch.tensor(losses, dtype=torch.float64) - torch.tensor(self._losses, dtype=torch.float64)
        return _Loss(tuple(rises.tolist()), self._skills.ask(model))


def general_texts_of(wanted: GeneralText | None) -> tuple[Sequence[str], dict[str, int]]:
    """Return the texts on which forgetting is measured, and how much of each is read."""
    if wanted is None:
        return general_texts(), {}
    texts = read_general_text(wanted)
    if fixed_general_text(wanted, texts) != wanted:
        raise InputError(f"{wanted.source}: its texts changed since the trial was planned; run the study again")
    return texts, {"max_tokens": wanted.max_tokens}
