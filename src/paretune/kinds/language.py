"""Running language models: the answers that they give, and the text that they may forget."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from paretune.engine import LanguageRespondent, answer, ended_once, generator_for
from paretune.kinds.base import Asked, Evaluation, OnProgress, ReadTexts, keep_answer_peak
from paretune.measure import Phases, check_texts, general_texts, text_losses
from paretune.models import LoadedModel
from paretune.models.tying import ties_embeddings
from paretune.spec import GeneralText, InputError, Phase, Recipe, Trial
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
    """Attach a saved method to a fresh base model, answer the questions, and compare losses on general text.

    The loss of the base on the same text is read before the adapter exists, once for all trials. Forgetting and memory
    are left out where the trial does not measure them.
    """
    trial, task, method, checkpoint, limit, shared = asked
    recipe, measures = trial.recipe, trial.measures
    texts, reading = general_texts_of(trial.general_text) if "forgetting" in measures else ((), {})
    if texts:
        with phases.during(Phase.RETAIN):
            before = _base_losses(trial, loaded, shared)
    with phases.during(Phase.RELOAD):
        model = method.load(loaded.model, checkpoint)
    alone = method.answers_alone(tied_embeddings=ties_embeddings(trial.base_model), model_kind=task.kind)
    examples = [ended_once(example, loaded.tokenizer) for example in task.examples(trial.split)[:limit]]
    batch_size = 1 if alone else recipe.answer_batch_size
    may_change = method.pools_answers and not alone and respondent_class.pools
    generator = generator_for(model, recipe, rows_may_change=may_change)
    respondent = respondent_class(
        model, loaded.tokenizer, task, recipe,
        num_shots=method.num_shots, generator=generator, batch_size=batch_size, on_progress=on_progress,
        timed=lambda: phases.during(Phase.TEST),
    )  # fmt: skip
    answers = task.ask(respondent, examples)
    items, metrics, standard_errors, groups = score_all(task, examples, answers)
    metrics["answers_per_second"] = len(items) / phases.seconds(Phase.TEST)
    changes: list[float] = []
    if texts:
        with phases.during(Phase.RETAIN):
            unchanged = method.leaves_base_model
            after = before if unchanged else text_losses(model, loaded.tokenizer, texts, **reading)
        changes, metrics["forgetting"], standard_errors["forgetting"] = _forgetting(before, after)
    if "memory" in measures and respondent.written is not None:
        prompts, settings = respondent.written
        # The same for every method, but for those that are evaluated with batch size 1.
        longest = [max(prompts, key=len)] * (1 if alone else recipe.memory_answer_batch_size)
        # No stop strings and no early end: every method writes answers of the same length.
        whole = {**settings, "min_new_tokens": settings["max_new_tokens"], "batch_size": len(longest)}
        with phases.during(Phase.MEASURE):
            peak = phases.peak_bytes_of(model, lambda: answer(model, loaded.tokenizer, longest, **whole))
        keep_answer_peak(metrics, phases, peak)
    wrote = None if respondent.written is None else generator
    return Evaluation(
        metrics, standard_errors, groups, items,
        text_loss_changes=tuple(changes), notes=task.about_answers(), generator=wrote,
    )  # fmt: skip


def _base_losses(trial: Trial, loaded: LoadedModel, shared: SharedValues) -> Sequence[float]:
    """Return the untouched base model's losses on general text, from another trial where one has read them."""
    recipe = trial.recipe
    of = {
        "base_model": trial.base,
        "general_text": trial.general_text and trial.general_text.identity,
        **recipe.model_dump(mode="json", include={"dtype", "quantisation", "attention"}),
    }
    losses: Sequence[float] | None = shared.find(BASE_LOSSES, of)
    if losses is None:
        texts, reading = general_texts_of(trial.general_text)
        losses = text_losses(loaded.model, loaded.tokenizer, texts, **reading)
        shared.keep(BASE_LOSSES, of, losses)
    return losses


def _forgetting(before: Sequence[float], after: Sequence[float]) -> tuple[list[float], float, float]:
    """Return the rise of each text's loss per token, their mean, and its standard error, in nats."""
    rises = torch.tensor(after, dtype=torch.float64) - torch.tensor(before, dtype=torch.float64)
    return rises.tolist(), rises.mean().item(), (rises.std() / len(rises) ** 0.5).item()


def general_texts_of(wanted: GeneralText | None) -> tuple[Sequence[str], dict[str, int]]:
    """Return the texts on which forgetting is measured, and how much of each is read."""
    if wanted is None:
        return general_texts(), {}
    texts = read_general_text(wanted)
    if fixed_general_text(wanted, texts) != wanted:
        raise InputError(f"{wanted.source}: its texts changed since the trial was planned; run the study again")
    return texts, {"max_tokens": wanted.max_tokens}
