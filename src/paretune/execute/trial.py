"""One trial from the first byte loaded to the record: train, save, reload, answer, and look back."""

import gc
import traceback
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch

from paretune.engine import (
    Batches,
    Divergence,
    answer,
    answer_loss,
    longest_batches,
    make_batches,
    train,
    validation_loss,
)
from paretune.execute.events import Listener
from paretune.measure import (
    Phases,
    collect_provenance,
    count_peak_bytes,
    dtypes,
    folder_bytes,
    general_texts,
    text_losses,
    trainable_parameters,
)
from paretune.methods import Context, Method, build
from paretune.methods.capabilities import marks_of
from paretune.models import LoadedModel, load_model
from paretune.spec import (
    EVERYTHING,
    Diverged,
    Failed,
    GeneralText,
    InputError,
    Measure,
    Ok,
    OutOfMemory,
    Phase,
    Recipe,
    Record,
    Trial,
    one_line,
)
from paretune.store import ItemAnswer
from paretune.tasks import Example, Task, fixed_general_text, get_task, read_general_text

TRIAL_FILE = "trial.json"


class Finished(NamedTuple):
    """A record and, where questions were answered, every answer."""

    record: Record
    items: list[ItemAnswer] | None


def run_trial(trial: Trial, checkpoint: Path, *, attempt: int, concurrent_workers: int, listener: Listener) -> Finished:
    """Run one trial; the trained method is saved into `checkpoint`. Errors of the trial become its outcome.

    Raises `InputError` for what a person can mend, since the trial would then fail for a reason that is not its own.
    """
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    run = _Run(trial, checkpoint, listener)
    try:
        run.whole()
        outcome: Ok | Diverged | OutOfMemory | Failed = Ok()
    except InputError:
        raise
    except Divergence as error:
        outcome = Diverged(step=error.step, loss=error.loss)
    except (torch.OutOfMemoryError, MemoryError) as error:
        outcome = OutOfMemory(phase=run.phases.current, message=one_line(error))
    except Exception as error:  # whatever a method or a library does wrong is this trial's result, not the study's end
        outcome = Failed(
            phase=run.phases.current,
            error_type=type(error).__name__,
            message=one_line(error),
            traceback=traceback.format_exc(),
        )
    record = Record(
        trial_id=trial.id,
        attempt=attempt,
        trial=trial,
        outcome=outcome,
        started_at=started_at,
        phases=run.phases.readings(),
        audit=marks_of(trial.method, trial.recipe),
        provenance=collect_provenance(concurrent_workers=concurrent_workers, model_note=run.model_note),
        **run.findings,
    )
    return Finished(record, run.items)


class Evaluation(NamedTuple):
    """What a saved, reloaded method does with questions and with general text."""

    metrics: dict[str, float]
    standard_errors: dict[str, float]
    groups: dict[str, dict[str, float]]
    items: list[ItemAnswer]
    text_loss_changes: tuple[float, ...]


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
    measures: Collection[Measure] = EVERYTHING,
    general_text: GeneralText | None = None,
) -> Evaluation:
    """Attach a saved method to a fresh base model, answer the examples, and compare losses on general text.

    The loss of the base on the same text is read before the adapter exists. Forgetting and memory are left out where
    `measures` does not name them.
    """
    texts, reading = _general_texts(general_text) if "forgetting" in measures else ((), {})
    if texts:
        with phases.during(Phase.RETAIN):
            before = text_losses(loaded.model, loaded.tokenizer, texts, **reading)
    with phases.during(Phase.RELOAD):
        model = method.load(loaded.model, checkpoint)
    shots = task.few_shot(method.num_shots)
    prompts = [shots + example.prompt for example in examples]
    asking: dict[str, Any] = {
        "max_new_tokens": task.max_new_tokens,
        "batch_size": 1 if method.answers_alone else recipe.answer_batch_size,
        "temperature": recipe.temperature,
        "top_p": recipe.top_p,
    }
    with phases.during(Phase.TEST):
        texts_generated = answer(
            model, loaded.tokenizer, prompts, stop=task.stop, on_progress=listener.progress, **asking
        )  # fmt: skip
    items = _judge(task, examples, texts_generated)
    accuracy = sum(item.strict for item in items) / len(items)
    metrics = {
        "accuracy": accuracy,
        "accuracy_lenient": sum(item.lenient for item in items) / len(items),
        "answers_per_second": len(items) / phases.seconds(Phase.TEST),
    }
    if judged := [item.published for item in items if item.published is not None]:
        metrics["accuracy_published"] = sum(judged) / len(judged)
    standard_errors = {"accuracy": (accuracy * (1 - accuracy) / len(items)) ** 0.5}
    changes = torch.zeros(0, dtype=torch.float64)
    if texts:
        with phases.during(Phase.RETAIN):
            after = text_losses(model, loaded.tokenizer, texts, **reading)
        changes = torch.tensor(after, dtype=torch.float64) - torch.tensor(before, dtype=torch.float64)
        metrics["forgetting"] = changes.mean().item()
        standard_errors["forgetting"] = (changes.std() / len(changes) ** 0.5).item()
    if "memory" in measures:
        with phases.during(Phase.MEASURE):
            longest = _longest_batch(prompts, loaded.tokenizer, recipe, method)
            # No stop strings and no early end: every method writes answers of the same length.
            asking |= {"min_new_tokens": task.max_new_tokens, "batch_size": len(longest)}
            peak = count_peak_bytes(model, lambda: answer(model, loaded.tokenizer, longest, **asking))
        metrics["answer_peak_bytes"] = float(peak)
        if not torch.cuda.is_available():
            phases.counted(Phase.TEST, peak)
    return Evaluation(metrics, standard_errors, _by_group(items), items, tuple(changes.tolist()))


class _Run:
    """The stages of one trial, and what has been found so far: an early end keeps what was measured before it."""

    def __init__(self, trial: Trial, checkpoint: Path, listener: Listener) -> None:
        self._trial = trial
        self._checkpoint = checkpoint
        self._listener = listener
        self.phases = Phases(on_enter=listener.phase)
        self.findings: dict[str, Any] = {"metrics": {}, "standard_errors": {}}
        self.items: list[ItemAnswer] | None = None
        self.model_note: str | None = None

    def whole(self) -> None:
        """Train where there is something to train, then evaluate what was saved, where the trial asks for answers."""
        trial = self._trial
        task = _same_task(trial)
        if trial.method.trains:
            self._train(task)
            gc.collect()
        if "answers" in trial.measures:
            self._evaluate(task)

    def _evaluate(self, task: Task) -> None:
        trial = self._trial
        loaded = self._load()
        torch.manual_seed(trial.seed)  # answers may be sampled
        result = evaluate(
            loaded=loaded,
            method=build(trial.method),
            checkpoint=self._checkpoint,
            task=task,
            examples=task.examples(trial.split),
            recipe=trial.recipe,
            phases=self.phases,
            listener=self._listener,
            measures=trial.measures,
            general_text=trial.general_text,
        )
        self.items = result.items
        self.findings["metrics"] |= result.metrics
        self.findings["standard_errors"] |= result.standard_errors
        self.findings |= {
            "groups": result.groups,
            "num_items": len(result.items),
            "text_loss_changes": result.text_loss_changes,
        }

    def _load(self) -> LoadedModel:
        with self.phases.during(Phase.LOAD):
            recipe = self._trial.recipe
            loaded = load_model(
                self._trial.base_model, recipe.dtype, quantisation=recipe.quantisation, attention=recipe.attention
            )
            if recipe.quantisation is None:  # a quantised model is where it belongs and refuses to be moved
                loaded = loaded._replace(model=loaded.model.to(_device()))
        self.model_note = loaded.note
        return loaded

    def _wrapped(self) -> tuple[torch.nn.Module, Method, Context]:
        """Build the trainable model. Its initial values depend on the seed alone."""
        loaded = self._load()
        trial = self._trial
        with self.phases.during(Phase.PREPARE):
            method = build(trial.method)
            context = Context(trial.recipe, trial.learning_rate, trial.seed, loaded.tokenizer, objective=answer_loss)
            torch.manual_seed(trial.seed)
            return method.wrap(loaded.model, context), method, context

    def _train(self, task: Task) -> None:
        trial, metrics = self._trial, self.findings["metrics"]
        model, method, context = self._wrapped()
        with self.phases.during(Phase.PREPARE):
            batches = make_batches(task.examples("train"), context.tokenizer, trial.recipe, trial.seed)
            checks = make_batches(
                task.examples("validation"), context.tokenizer, trial.recipe, trial.seed, one_pass=True
            )
            self.findings["num_left_out"] = batches.num_left_out
        if "memory" in trial.measures and not torch.cuda.is_available():
            with self.phases.during(Phase.MEASURE):
                longest = longest_batches(task.examples("train"), context.tokenizer, trial.recipe)
                peak = _training_peak_bytes(model, method, context, longest)
                metrics["train_peak_bytes"] = float(peak)
                self.phases.counted(Phase.TRAIN, peak)
                del model
                gc.collect()
            model, method, context = self._wrapped()
        with self.phases.during(Phase.PREPARE):
            method.before_training(model, context, batches)
            torch.manual_seed(trial.seed)
            optimizer = method.optimizer(model, context)
            metrics["trainable_parameters"] = float(trainable_parameters(optimizer))
            self.findings["trainable_dtypes"] = dtypes(optimizer)
        with self.phases.during(Phase.TRAIN):
            result = train(model, method, optimizer, batches, trial.recipe, on_step=self._on_step)
        self._keep_training(result.losses, result.step_seconds)
        with self.phases.during(Phase.VALIDATE):
            metrics["validation_loss"] = validation_loss(model, checks)
        if "answers" in trial.measures:
            self._save(method, model)

    def _save(self, method: Method, model: torch.nn.Module) -> None:
        with self.phases.during(Phase.SAVE):
            method.save(model, self._checkpoint)
            self.findings["metrics"]["checkpoint_bytes"] = float(folder_bytes(self._checkpoint))
            # Written after the size is read: it lets the checkpoint be evaluated later without the study.
            (self._checkpoint / TRIAL_FILE).write_text(self._trial.canonical_json(), encoding="utf-8")

    def _on_step(self, step: int, loss: float, seconds: float) -> None:  # noqa: ARG002 (the loop's signature)
        self._listener.progress(step + 1, self._trial.recipe.steps, loss)

    def _keep_training(self, losses: Sequence[float], step_seconds: Sequence[float]) -> None:
        settled = step_seconds[2:] or step_seconds  # the first steps warm caches and allocators up
        self.findings["train_losses"] = tuple(losses)
        self.findings["step_seconds"] = tuple(step_seconds)
        self.findings["metrics"] |= {
            "train_loss": losses[-1],
            "step_seconds": torch.tensor(settled, dtype=torch.float64).median().item(),
            "train_seconds": sum(step_seconds),
        }
        peak = self.phases.accelerator_peak(Phase.TRAIN)
        if peak is not None:
            self.findings["metrics"]["train_peak_bytes"] = float(peak)


def _training_peak_bytes(model: torch.nn.Module, method: Method, context: Context, batches: Batches) -> int:
    """Count a few steps of the loop on batches of the longest examples. The model is spent afterwards."""
    method.before_training(model, context, batches)
    recipe = context.recipe.model_copy(
        update={"steps": context.recipe.memory_steps, "warmup_ratio": 0.0, "compile": False}
    )

    def steps() -> None:
        optimizer = method.optimizer(model, context)
        for group in optimizer.param_groups:
            group["lr"] = 0.0  # rates change no byte; without them nothing can diverge before training has begun
        train(model, method, optimizer, batches, recipe)

    return count_peak_bytes(model, steps)


def _general_texts(wanted: GeneralText | None) -> tuple[Sequence[str], dict[str, int]]:
    """Return the texts on which forgetting is measured, and how much of each is read."""
    if wanted is None:
        return general_texts(), {}
    if fixed_general_text(wanted) != wanted:
        raise InputError(f"{wanted.source}: its texts changed since the trial was planned; run the study again")
    return read_general_text(wanted), {"max_tokens": wanted.max_tokens}


def _longest_batch(prompts: Sequence[str], tokenizer: Any, recipe: Recipe, method: Method) -> list[str]:
    """Return the longest prompt as often as prompts are answered together, so that every method's batch is alike."""
    longest = max(prompts, key=lambda prompt: len(tokenizer(prompt)["input_ids"]))
    return [longest] * (1 if method.answers_alone else recipe.memory_answer_batch_size)


def _same_task(trial: Trial) -> Task:
    """Return the trial's task, making sure that it still yields the data that the trial was planned with."""
    task = get_task(trial.task.name, trial.task.options)
    if task.content_hash != trial.task.content_hash:
        raise InputError(
            f'task "{trial.task.name}": its data changed since the trial was planned '
            f"(hash {task.content_hash}, planned {trial.task.content_hash}); run the study again"
        )
    return task


def _judge(task: Task, examples: Sequence[Example], texts: Sequence[str]) -> list[ItemAnswer]:
    items = []
    for example, text in zip(examples, texts, strict=True):
        score = task.score(text, example)
        items.append(
            ItemAnswer(example.id, example.group, score.strict, score.lenient, text, example.target, score.published)
        )
    return items


def _by_group(items: Sequence[ItemAnswer]) -> dict[str, dict[str, float]]:
    groups: dict[str, dict[str, float]] = {}
    for name in sorted({item.group for item in items}):
        inside = [item for item in items if item.group == name]
        groups[name] = {
            "accuracy": sum(item.strict for item in inside) / len(inside),
            "accuracy_lenient": sum(item.lenient for item in inside) / len(inside),
            "num_items": float(len(inside)),
        }
    return groups


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


__all__ = ["TRIAL_FILE", "Evaluation", "Finished", "evaluate", "run_trial"]
