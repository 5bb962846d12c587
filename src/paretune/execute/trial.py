"""One trial from the first byte loaded to the record: train, save, reload, answer, and look back."""

import gc
import shutil
import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, SupportsInt

import torch
from torch.optim import Optimizer

from paretune.engine import NOTHING_YET, DataBatch, Training, restore, state_bytes, state_of, train, validation_loss
from paretune.execute.events import Listener
from paretune.execute.executor import Finished
from paretune.execute.library_warnings import collect_warnings
from paretune.execute.outcomes import outcome_of
from paretune.execute.resuming import FROM_THE_START, Resuming, Stopped, may_resume
from paretune.execute.sharded import train_sharded
from paretune.kinds import Asked, Kind, TrainingData, kind_named, kind_of
from paretune.measure import (
    Phases,
    collect_provenance,
    count_peak_bytes,
    dtypes,
    folder_bytes,
    head_parameters,
    trainable_parameters,
)
from paretune.methods import Context, Method, Objective, build
from paretune.methods.capabilities import marks_of
from paretune.models import LoadedModel, pinned
from paretune.models.tying import ties_embeddings
from paretune.plugins import is_ours
from paretune.spec import AuditMarks, InputError, Ok, Outcome, Phase, PhaseReading, Record, Trial
from paretune.spec.metrics import CLOCKS_AND_PEAKS
from paretune.store import NOTHING_SHARED, TRIAL_FILE, Item, KeptPicture, SharedValues
from paretune.tasks import AnyTask, task_of

TRAINING_PEAK = "the most bytes that training holds"


def run_trial(
    trial: Trial,
    checkpoint: Path,
    *,
    attempt: int,
    concurrent_workers: SupportsInt,
    listener: Listener,
    shared: SharedValues = NOTHING_SHARED,
    resuming: Resuming = FROM_THE_START,
) -> Finished:
    """Run one trial; the trained method is saved into `checkpoint`. Its errors become its outcome, warnings its notes.

    `concurrent_workers` is the most trials that ran at once, this one among them; it is read when the trial has ended.
    `shared` holds what other trials have found out and this one would find alike, `resuming` how far they have trained.

    Where the disk is full, the trial is cancelled and `checkpoint` is removed: it was not written as a whole.
    """
    run = TrialRun(trial, checkpoint, listener, shared)
    run.attempt(partial(run.whole, resuming))
    return run.finished(attempt, concurrent_workers)


class Ready(NamedTuple):
    """A trainable model, and what trains it."""

    model: torch.nn.Module
    method: Method
    context: Context
    objective: Objective


class TrialRun:
    """The stages of one trial, and what has been found so far: an early end keeps what was measured before it."""

    def __init__(
        self, trial: Trial, checkpoint: Path, listener: Listener, shared: SharedValues = NOTHING_SHARED
    ) -> None:  # fmt: skip
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._trial = trial
        self._checkpoint = checkpoint
        self._listener = listener
        self._shared = shared
        self.warned_lines: tuple[str, ...] = ()
        """What libraries warned of, each line once."""
        self.outcome: Outcome = Ok()
        self.phases = Phases(on_enter=listener.phase)
        self.findings: dict[str, Any] = {"metrics": {}, "standard_errors": {}}
        self.items: Sequence[Item] | None = None
        self.pictures: Sequence[KeptPicture] = ()
        self.notes: tuple[str, ...] = ()
        self.model_note: str | None = None
        self.audit: AuditMarks | None = None
        self._most_at_once = 1  # while an earlier trial ran the first steps

    def attempt(self, stage: Callable[[], None]) -> None:
        """Run a stage, unless an earlier one has failed. Its errors become the outcome, warnings are kept."""
        if self.outcome.kind != "ok":
            return
        with collect_warnings() as warned:
            try:
                stage()
            except Exception as error:  # what a method or a library does wrong is this trial's result
                self.outcome = outcome_of(error, self.phases.current, self._checkpoint)
        self.warned(warned.lines)

    def warned(self, lines: Iterable[str]) -> None:
        """Keep warnings, each once."""
        self.warned_lines = tuple(dict.fromkeys((*self.warned_lines, *lines)))

    def finished(self, attempt: int, concurrent_workers: SupportsInt, packed_with: Sequence[Trial] = ()) -> Finished:
        """Return what the trial leaves. Of one that was trained together with others, clocks and peaks are left out."""
        if self.outcome.kind == "cancelled":
            shutil.rmtree(self._checkpoint, ignore_errors=True)
        phases, findings = self.phases.readings(), self.findings
        if packed_with:
            phases = tuple(PhaseReading(phase=reading.phase, seconds=reading.seconds) for reading in phases)
            metrics = {name: value for name, value in findings["metrics"].items() if name not in CLOCKS_AND_PEAKS}
            findings = findings | {"metrics": metrics}
        record = Record(
            trial_id=self._trial.id,
            attempt=attempt,
            trial=self._trial,
            outcome=self.outcome,
            started_at=self.started_at,
            notes=(*self.notes, *self.warned_lines),
            phases=phases,
            packed_with=tuple(trial.id for trial in packed_with),
            audit=self.audit,
            provenance=collect_provenance(
                concurrent_workers=max(int(concurrent_workers), self._most_at_once),
                model_note=self.model_note,
                num_devices=self._num_devices,
            ),
            **findings,
        )
        return Finished(record, self.items, self.pictures)

    @property
    def _num_devices(self) -> int:
        """How many devices train it."""
        sharding = self._trial.recipe.sharding
        return 1 if sharding is None or not self._trial.method.trains else sharding.devices

    def whole(self, resuming: Resuming = FROM_THE_START) -> None:
        """Train where there is something to train, then evaluate what was saved, where the trial asks for answers."""
        kind, task, trial = self.begin()
        if self._num_devices > 1:
            self._train_sharded(trial)
        elif trial.method.trains:
            self.train(kind, task, trial, resuming)
            gc.collect()
        if self.outcome.kind == "ok":
            self.evaluate(kind, task, trial)

    def begin(self) -> tuple[Kind[Any], AnyTask, Trial]:
        """Return the trial with its base model's revision fixed, its task and its kind of model."""
        self.audit = _audit_marks(self._trial)
        task = _task_of(self._trial)
        base_model = pinned(self._trial.base_model, self._trial.base_content)
        return kind_of(task), task, self._trial.model_copy(update={"base_model": base_model})

    def evaluate(self, kind: Kind[Any], task: AnyTask, trial: Trial) -> None:
        """Evaluate what was saved, where the trial asks for answers."""
        if "answers" in trial.measures:
            self._evaluate(kind, Asked(trial, task, build(trial.method), self._checkpoint, shared=self._shared))

    def _evaluate(self, kind: Kind[Any], asked: Asked[Any]) -> None:
        loaded = self.load(kind, asked.task, asked.trial)
        torch.manual_seed(asked.trial.seed)  # answers may be sampled
        result = kind.evaluate(asked, loaded, self.phases, self._listener.progress)
        self.items = result.items
        self.pictures = result.pictures
        self.notes = result.notes
        self.findings["metrics"] |= result.metrics
        self.findings["standard_errors"] |= result.standard_errors
        self.findings |= {
            "groups": result.groups,
            "num_items": len(result.items),
            "text_loss_changes": result.text_loss_changes,
            "skills": result.skills,
            "drifts": result.drifts,
            "generator": result.generator,
        }

    def load(self, kind: Kind[Any], task: AnyTask, trial: Trial) -> LoadedModel:
        """Return the fresh base model."""
        with self.phases.during(Phase.LOAD):
            loaded = kind.load(task, trial)
        self.model_note = loaded.note
        return loaded

    def ready(self, kind: Kind[Any], trial: Trial, loaded: LoadedModel) -> Ready:
        """Build the trainable model. Its initial values depend on the seed alone."""
        with self.phases.during(Phase.PREPARE):
            method, objective = build(trial.method), kind.by_recipe(kind.objective(loaded), trial.recipe)
            context = kind.context(trial.recipe, trial.learning_rate, trial.seed, loaded.tokenizer, objective)
            context = context._replace(head=kind.head(loaded.model, loaded.drawn))
            torch.manual_seed(trial.seed)
            return Ready(method.wrap(loaded.model, context), method, context, objective)

    def data(self, kind: Kind[Any], task: AnyTask, trial: Trial, loaded: LoadedModel) -> TrainingData:
        """Return what the trial trains on."""
        with self.phases.during(Phase.PREPARE):
            data = kind.training_data(task, trial, loaded)
            self.findings["num_train_examples"] = kind.num_examples(task, "train")
            self.findings["num_left_out"] = data.num_left_out
            self.findings["num_validation_left_out"] = data.num_validation_left_out
        return data

    def _train_sharded(self, trial: Trial) -> None:
        """Have a process for each device train, and keep what the first one found, or how they failed."""
        found = train_sharded(trial, self._checkpoint, self._listener)
        self.outcome, self.model_note = found.outcome, found.model_note
        self.findings |= found.findings
        self.phases.read_elsewhere(found.phases)
        self.warned(found.warned)

    def train(self, kind: Kind[Any], task: AnyTask, trial: Trial, resuming: Resuming = FROM_THE_START) -> None:
        """Train and save. Where an earlier trial has run some of the steps, go on from there."""
        loaded = self.load(kind, task, trial)
        ready = self.ready(kind, trial, loaded)
        data = self.data(kind, task, trial, loaded)
        del loaded
        if "memory" in trial.measures and not torch.cuda.is_available():
            shared = self._shared if _same_for_all_seeds(kind, ready.method) else NOTHING_SHARED
            of = _decides_bytes(trial)
            peak = shared.find(TRAINING_PEAK, of)
            if peak is None:
                with self.phases.during(Phase.MEASURE):
                    peak = self._training_peak_bytes(ready, data.longest)
                    del ready
                    gc.collect()
                shared.keep(TRAINING_PEAK, of, peak)
                ready = self.ready(kind, trial, self.load(kind, task, trial))
            self.findings["metrics"]["train_peak_bytes"] = float(peak)
            self.phases.counted(Phase.TRAIN, peak)
        optimizer = self.optimizer(ready, data)
        if not may_resume(kind, ready.method, trial.recipe):
            resuming = FROM_THE_START
        stopped = self._resumed(trial, ready, optimizer, resuming)
        with self.phases.during(Phase.TRAIN):
            result = train(
                ready.model, ready.method, optimizer, data.batches, trial.recipe,
                objective=ready.objective, on_step=self.on_step, earlier=stopped.training if stopped else NOTHING_YET,
            )  # fmt: skip
        self.keep_training(result)
        keeps = trial.tunes and resuming.has_room(trial, state_bytes(ready.model, optimizer))
        state = state_of(ready.model, optimizer) if keeps else None
        ran_none = self.findings.get("resumed_at") == trial.recipe.trained_steps
        loss = self.after_training(ready, data, stopped.validation_loss if stopped and ran_none else None)
        if state is not None:
            with self.phases.during(Phase.SAVE):
                resuming.keep(trial, Stopped(result, state, loss, self._most_at_once))

    def _resumed(self, trial: Trial, ready: Ready, optimizer: Optimizer, resuming: Resuming) -> Stopped | None:
        """Go to where an earlier trial of this training stopped, and return it; None where there is none that fits."""
        with self.phases.during(Phase.PREPARE):
            stopped = resuming.find(trial)
            if stopped is None:
                return None
            try:
                restore(stopped.state, ready.model, optimizer)
            except ValueError as error:
                warnings.warn(
                    f"trained from the first step: the state that was kept does not fit: {error}", stacklevel=1
                )
                return None
        self.findings["resumed_at"] = len(stopped.training.losses)
        self._most_at_once = stopped.most_at_once
        return stopped

    def _training_peak_bytes(self, ready: Ready, batches: Iterable[DataBatch]) -> int:
        """Count a few steps of the loop on batches of the longest examples. The model is spent afterwards."""
        model, method, context, objective = ready
        method.before_training(model, context, batches)
        self.before_optimizer(model)
        recipe = context.recipe.model_copy(
            update={"steps": context.recipe.memory_steps, "stop_after": None, "warmup_ratio": 0.0, "compile": False}
        )

        def steps() -> None:
            optimizer = method.optimizer(model, context)
            for group in optimizer.param_groups:
                group["lr"] = 0.0  # rates change no byte; without them nothing can diverge before training has begun
            train(model, method, optimizer, batches, recipe, objective=objective)

        return count_peak_bytes(model, steps)

    def optimizer(self, ready: Ready, data: TrainingData) -> Optimizer:
        """Do what comes before the first step, and return the optimizer."""
        metrics = self.findings["metrics"]
        model, method, context, _ = ready
        with self.phases.during(Phase.PREPARE):
            method.before_training(model, context, data.batches)
            self.before_optimizer(model)
            torch.manual_seed(context.seed)
            optimizer = method.optimizer(model, context)
            metrics["trainable_parameters"] = float(trainable_parameters(optimizer))
            if context.head:
                metrics["head_parameters"] = float(head_parameters(model, optimizer, context.head))
            self.findings["trainable_dtypes"] = dtypes(optimizer)
        return optimizer

    def before_optimizer(self, model: torch.nn.Module) -> None:
        """Change how the model's parameters lie in memory, before an optimizer refers to them."""

    def after_training(self, ready: Ready, data: TrainingData, known_loss: float | None = None) -> float:
        """Read the validation loss, unless it is known, and save what was trained where the trial asks for answers.

        Returns the loss.
        """
        loss = known_loss
        if loss is None:
            with self.phases.during(Phase.VALIDATE):
                loss = validation_loss(ready.model, data.validation, ready.objective)
        self.findings["metrics"]["validation_loss"] = loss
        if "answers" in self._trial.measures:
            self.save(ready.method, ready.model)
        return loss

    def save(self, method: Method, model: torch.nn.Module) -> None:
        """Write what was trained, and what it belongs to."""
        with self.phases.during(Phase.SAVE):
            method.save(model, self._checkpoint)
            self.findings["metrics"]["checkpoint_bytes"] = float(folder_bytes(self._checkpoint))
            # Written after the size is read: it lets the checkpoint be evaluated later without the study.
            (self._checkpoint / TRIAL_FILE).write_text(self._trial.canonical_json(), encoding="utf-8")

    def on_step(self, step: int, loss: float, seconds: float) -> None:  # noqa: ARG002 (the loop's signature)
        """Tell how far training has come."""
        self._listener.progress(step + 1, self._trial.recipe.trained_steps, loss)

    def keep_training(self, training: Training) -> None:
        """Keep losses and, of a trial that trained alone, the time of its steps and its memory."""
        losses, step_seconds = training
        self.findings["train_losses"] = losses
        self.findings["metrics"]["train_loss"] = losses[-1]
        if not step_seconds:
            return
        settled = step_seconds[2:] or step_seconds  # the first steps warm caches and allocators up
        self.findings["step_seconds"] = step_seconds
        self.findings["metrics"] |= {
            "step_seconds": torch.tensor(settled, dtype=torch.float64).median().item(),
            "train_seconds": sum(step_seconds),
        }
        peak = self.phases.accelerator_peak(Phase.TRAIN)
        if peak is not None and "resumed_at" not in self.findings:
            self.findings["metrics"]["train_peak_bytes"] = float(peak)


def _same_for_all_seeds(kind: Kind[Any], method: Method) -> bool:
    """Tell whether training takes the same bytes with every seed: what is trained does not come from data.

    Of other packages' code nothing is known, nor when it changes.
    """
    return is_ours(kind) and is_ours(method) and not method.looks_at_data


def _decides_bytes(trial: Trial) -> dict[str, Any]:
    """Return what the bytes of training depend on beyond the environment."""
    return {
        "base_model": trial.base,
        "task": trial.task.identity,
        "method": trial.method.model_dump(mode="json", exclude={"label"}),
        "recipe": trial.recipe.model_dump(mode="json"),
    }


def _audit_marks(trial: Trial) -> AuditMarks | None:
    """Return what the record keeps of the audit of the trial's method on its kind of model."""
    traits, tied = kind_named(trial.model_kind).traits, ties_embeddings(trial.base_model)
    return marks_of(trial.method, trial.recipe, tied, traits.name, always_batched=traits.always_batched)


def _task_of(trial: Trial) -> AnyTask:
    """Return the trial's task, making sure that its data is what the trial was planned with."""
    task = task_of(trial.task)
    if task.content_hash != trial.task.content_hash:
        raise InputError(
            f'task "{trial.task.name}": its data changed since the trial was planned '
            f"(hash {task.content_hash}, planned {trial.task.content_hash}); run the study again"
        )
    return task


__all__ = ["Finished", "Ready", "TrialRun", "run_trial"]
