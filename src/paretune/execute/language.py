"""Running language models: what they are trained on, the answers they give, and the text they may forget."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from paretune.engine import Batches, answer, answer_loss, longest_batches, make_batches, validation_loss
from paretune.execute.events import Listener
from paretune.execute.work import Evaluation, ModelWorkflow, TrainingData, keep_answer_peak
from paretune.measure import Phases, check_texts, general_texts, text_losses
from paretune.methods import Method, Objective
from paretune.models import LoadedModel, load_model
from paretune.models.tying import ties_embeddings
from paretune.spec import EVERYTHING, GeneralText, InputError, Measure, Phase, Recipe, Trial
from paretune.tasks import Example, Task, fixed_general_text, read_general_text
from paretune.tasks.scoring import score_answers


class LanguageWorkflow(ModelWorkflow):
    """A causal language model that answers in words."""

    def __init__(self, trial: Trial, task: Task) -> None:
        super().__init__(trial)
        self._task = task
        self._tokenizer: Any = None
        self._checks: Batches | None = None

    @property
    def objective(self) -> Objective:
        """Return the loss on the tokens of the answers."""
        return answer_loss

    def load(self) -> LoadedModel:
        """Return model and tokenizer. A quantised model is where it belongs and refuses to be moved."""
        recipe = self.trial.recipe
        loaded = load_model(
            self.trial.base_model, recipe.dtype, quantisation=recipe.quantisation, attention=recipe.attention
        )
        self._tokenizer = loaded.tokenizer
        return self.on_device(loaded) if recipe.quantisation is None else loaded

    def training_data(self) -> TrainingData:
        """Return the training examples as batches of tokens. What would only fail after training is refused first."""
        examples, recipe, seed = self._task.examples("train"), self.trial.recipe, self.trial.seed
        if "forgetting" in self.trial.measures:
            texts, reading = general_texts_of(self.trial.general_text)
            check_texts(self._tokenizer, texts, **reading)
        batches = make_batches(examples, self._tokenizer, recipe, seed)
        checks = self._checks = make_batches(
            self._task.examples("validation"), self._tokenizer, recipe, seed, one_pass=True, split="validation"
        )
        longest = longest_batches(examples, self._tokenizer, recipe)
        return TrainingData(batches, longest, batches.num_left_out, checks.num_left_out)

    def validation_loss(self, model: nn.Module) -> float:
        """Return the loss per answer token on the validation split."""
        assert self._checks is not None, "training_data comes first"
        return validation_loss(model, self._checks)

    def evaluate(
        self, loaded: LoadedModel, method: Method, checkpoint: Path, phases: Phases, listener: Listener
    ) -> Evaluation:
        """Answer the questions of the trial's split."""
        trial = self.trial
        return evaluate(
            loaded=loaded,
            method=method,
            checkpoint=checkpoint,
            task=self._task,
            examples=self._task.examples(trial.split),
            recipe=trial.recipe,
            phases=phases,
            listener=listener,
            tied_embeddings=ties_embeddings(trial.base_model),
            measures=trial.measures,
            general_text=trial.general_text,
        )


def evaluate(
    *,
    loaded: LoadedModel,
    method: Method,
    checkpoint: Path,
    task: Task,
    examples: Sequence[Example],
    recipe: Recipe,
    phases: Phases,
    listener: Listener,
    tied_embeddings: bool | None,
    measures: Collection[Measure] = EVERYTHING,
    general_text: GeneralText | None = None,
) -> Evaluation:
    """Attach a saved method to a fresh base model, answer the examples, and compare losses on general text.

    The loss of the base on the same text is read before the adapter exists. Forgetting and memory are left out where
    `measures` does not name them. `tied_embeddings` says whether the base ties them, None if unknown.
    """
    texts, reading = general_texts_of(general_text) if "forgetting" in measures else ((), {})
    if texts:
        with phases.during(Phase.RETAIN):
            before = text_losses(loaded.model, loaded.tokenizer, texts, **reading)
    with phases.during(Phase.RELOAD):
        model = method.load(loaded.model, checkpoint)
    alone = method.answers_alone(tied_embeddings=tied_embeddings)
    shots = task.few_shot(method.num_shots)
    prompts = [shots + example.prompt for example in examples]
    length = task.max_new_tokens
    sampling: dict[str, Any] = {"max_new_tokens": length, "temperature": recipe.temperature, "top_p": recipe.top_p}
    with phases.during(Phase.TEST):
        texts_generated = answer(
            model,
            loaded.tokenizer,
            prompts,
            stop=task.stop,
            batch_size=1 if alone else recipe.answer_batch_size,
            on_progress=listener.progress,
            **sampling,
        )
    items, metrics, standard_errors, groups = score_answers(task, examples, texts_generated)
    metrics["answers_per_second"] = len(items) / phases.seconds(Phase.TEST)
    changes: list[float] = []
    if texts:
        with phases.during(Phase.RETAIN):
            after = text_losses(model, loaded.tokenizer, texts, **reading)
        changes, metrics["forgetting"], standard_errors["forgetting"] = _forgetting(before, after)
    if "memory" in measures:
        longest = _longest_batch(prompts, loaded.tokenizer, 1 if alone else recipe.memory_answer_batch_size)
        # No stop strings and no early end: every method writes answers of the same length.
        whole = {**sampling, "min_new_tokens": length, "batch_size": len(longest)}
        with phases.during(Phase.MEASURE):
            peak = phases.peak_bytes_of(model, lambda: answer(model, loaded.tokenizer, longest, **whole))
        keep_answer_peak(metrics, phases, peak)
    return Evaluation(metrics, standard_errors, groups, items, text_loss_changes=tuple(changes))


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


def _longest_batch(prompts: Sequence[str], tokenizer: Any, number: int) -> list[str]:
    """Return the longest prompt as often as prompts are answered together, so that every method's batch is alike."""
    longest = max(prompts, key=lambda prompt: len(tokenizer(prompt)["input_ids"]))
    return [longest] * number
