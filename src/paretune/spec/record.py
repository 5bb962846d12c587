"""What one trial left behind."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from paretune.spec.audit import AuditMarks
from paretune.spec.base import Data, later
from paretune.spec.errors import nearest
from paretune.spec.imported import Imported
from paretune.spec.metrics import CLOCKS_AND_PEAKS, Metric, Phase
from paretune.spec.shown import Shown
from paretune.spec.skills import SkillResult
from paretune.spec.trial import Trial

SCHEMA_VERSION = 3

GeneratorName = Literal["transformers", "pooled"]
"""What writes answers: transformers' `generate` in fixed batches, or a pool in which the next answer takes the row of
one that has ended."""


class Ok(Data):
    """The trial ran to its end."""

    kind: Literal["ok"] = "ok"


class OutOfMemory(Data):
    """Memory ran out: an exception of the allocator, or the kernel killed the worker for it."""

    kind: Literal["out_of_memory"] = "out_of_memory"
    phase: Phase | None = None
    message: str = ""


class Diverged(Data):
    """The loss or a gradient was no longer a finite number."""

    kind: Literal["diverged"] = "diverged"
    step: int
    """Optimizer step, counted from 0."""
    loss: float


class Failed(Data):
    """An error ended the trial."""

    kind: Literal["failed"] = "failed"
    phase: Phase | None = None
    error_type: str
    message: str
    traceback: str = ""


class Refused(Data):
    """The trial cannot be run as the study asks, for a reason that showed only in its own process."""

    kind: Literal["refused"] = "refused"
    phase: Phase | None = None
    message: str
    """What cannot be used and how to mend it, one line."""


class TimedOut(Data):
    """The trial took longer than the study allows."""

    kind: Literal["timed_out"] = "timed_out"
    phase: Phase | None = None
    limit_seconds: float


class Cancelled(Data):
    """The worker was stopped, the disk was full, or a server did not answer. The trial counts as not yet run."""

    kind: Literal["cancelled"] = "cancelled"
    phase: Phase | None = None
    reason: str = ""
    disk_full: bool = later(False)
    """Whether it was the disk: every other trial would end in the same way."""


Outcome = Annotated[Ok | OutOfMemory | Diverged | Failed | Refused | TimedOut | Cancelled, Field(discriminator="kind")]
"""A kind of outcome may be added without a new `SCHEMA_VERSION`: every earlier record reads as before."""


class PhaseReading(Data):
    """Clock and memory of one phase."""

    phase: Phase
    seconds: float
    peak_bytes: int | None = None
    """On an accelerator the allocator's peak; on CPU from the separate counting pass, where one covers the phase."""
    reserved_bytes: int | None = None
    """On an accelerator the peak that the allocator had reserved."""


class Provenance(Data):
    """Where and with what a record was made."""

    packages: dict[str, str]
    python: str | None
    """None, as everywhere here, where an imported result does not say."""
    git_commit: str | None
    """Commit of Paretune's own checkout, when it runs from one; "-dirty" is added when files differ from it."""
    platform: str
    device: str
    num_threads: int | None
    concurrent_workers: int | None
    """The most trials that ran at once on the same accelerator while this one did, or on the same processor where there
    is none, itself among them: above 1, clocks are not comparable. Earlier records hold the limit, which is higher
    where fewer trials were left, or count the trials on other accelerators too."""
    model_note: str | None = None
    """What a reader must know about the base model's weights."""
    num_devices: int = later(1)
    """Devices that trained it, each with a slice of the model; without an accelerator, processes."""

    @property
    def environment(self) -> tuple[object, ...]:
        """What must agree before two records are compared in time and memory."""
        return (
            self.device,
            self.platform,
            self.num_threads,
            self.concurrent_workers,
            tuple(sorted(self.packages.items())),
        )


class Record(Shown, Data):
    """One trial's result. Its values are metrics of the task or of Paretune's own; what is missing was not measured."""

    schema_version: int = SCHEMA_VERSION
    trial_id: str
    """The trial's id when the record was written. It names the record's files; what it is compared by is `trial.id`."""
    attempt: int = Field(ge=1)
    trial: Trial
    outcome: Outcome
    metrics: dict[str, float] = {}
    standard_errors: dict[str, float] = {}
    groups: dict[str, dict[str, float]] = {}
    """Metrics of parts of the questions, such as templates seen and unseen in training."""
    num_items: int | None = None
    """Questions answered, or pictures drawn and scored."""
    train_losses: tuple[float, ...] = ()
    """Mean loss per answer token, or per number of a picture, of each optimizer step."""
    step_seconds: tuple[float, ...] = ()
    """Duration of each optimizer step."""
    resumed_at: int = later(0, ge=0)
    """Steps that an earlier trial of the same training had run: their losses and durations are its own, taken over.
    Phases hold what came after them."""
    num_train_examples: int | None = later(None)
    """Examples in the training split; None where nothing is trained, and in records from before this was kept."""
    num_left_out: int = 0
    """Training examples longer than the recipe's `max_length`."""
    num_validation_left_out: int = later(0)
    """Validation examples longer than that: the validation loss is over the others."""
    text_loss_changes: tuple[float, ...] = ()
    """Forgetting, text by text, in nats per token."""
    skills: tuple[SkillResult, ...] = later(())
    """What was lost of each general skill, in the order of the trial's."""
    drifts: tuple[float, ...] = later(())
    """Drift, picture by picture, always of the same captions and noises in the same order."""
    trainable_dtypes: tuple[str, ...] = ()
    audit: AuditMarks | None = later(None)
    """What the method's audit found; None where nothing is trained, and in records from before there were audits."""
    generator: GeneratorName | None = later(None)
    """What wrote its answers, `answer_batch_size` of them at once; None where nothing was generated, and in records
    from before this was kept, when it was transformers."""
    phases: tuple[PhaseReading, ...] = ()
    """Of a trial that was trained together with others: no memory, and its share of what all took together."""
    packed_with: tuple[str, ...] = later(())
    """Ids of the trials that it was trained together with, in one pass over one base model. Losses, answers and
    checkpoint are what they are alone; clocks and memory are not, and not among its values."""
    provenance: Provenance | None = None
    """None where the worker ended before it could say."""
    started_at: str
    """UTC, ISO 8601."""
    notes: tuple[str, ...] = ()
    """What libraries warned of during the trial, each warning once, and what an importer has to say."""
    imported: Imported | None = later(None)
    """Where the result comes from, when it is not Paretune's own."""

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for field in ("metrics", "standard_errors"):
            for name in getattr(self, field):
                if name not in self.trial.task.table:
                    raise ValueError(f'{field}: unknown metric "{name}"{nearest(name, self.trial.task.table)}')
        return self

    @model_validator(mode="after")
    def _clocks_are_of_trials_alone(self) -> Self:
        taken = sorted(CLOCKS_AND_PEAKS & self.metrics.keys())
        if self.packed_with and (taken or self.step_seconds):
            raise ValueError(f"packed_with: a trial trained together with others has no {(*taken, 'step_seconds')[0]}")
        return self

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield what tells it from the other records of a study, and its main metric."""
        yield from self.trial.__repr_args__()
        yield "outcome", self.outcome.kind
        if (main := self.main_metric.name) in self.metrics:
            yield main, round(self.metrics[main], 4)

    @property
    def main_metric(self) -> Metric:
        """The metric that the trial's method is ranked by."""
        return self.trial.task.scored(self.metrics)[0]

    @property
    def finished(self) -> bool:
        """Whether the trial has a result, good or bad, and need not run again."""
        return self.outcome.kind != "cancelled"

    @property
    def epochs(self) -> float | None:
        """How often training saw each example that is not too long, on average; None where it is not known."""
        if self.num_train_examples is None or self.num_train_examples == self.num_left_out:
            return None
        return self.trial.recipe.num_examples_seen / (self.num_train_examples - self.num_left_out)

    @property
    def has_answers(self) -> bool:
        """Whether the answers behind the values are in the store, question by question."""
        return self.num_items is not None and self.imported is None

    @property
    def answer_batch_size(self) -> int:
        """The batch size that its answers were generated with: the recipe's, or 1 for a method that is evaluated so."""
        alone = self.audit is not None and self.audit.answered_alone
        return 1 if alone else self.trial.recipe.answer_batch_size

    @property
    def skill_changes(self) -> tuple[float, ...]:
        """What was lost of the general skills question by question, in points, one skill after another."""
        return tuple(change for skill in self.skills for change in skill.changes)

    def metric(self, name: str) -> float | None:
        """Return a value by its name, or None where it was not measured. Raises `ValueError` for an unknown one."""
        if name not in self.metrics and name not in self.trial.task.table:
            raise ValueError(f'unknown metric "{name}"{nearest(name, self.trial.task.table)}')
        return self.metrics.get(name)


def summary(record: Record) -> dict[str, Any]:
    """Return the record without per-step, per-text and per-question series, for `--json`."""
    series = dict.fromkeys(("train_losses", "step_seconds", "text_loss_changes", "drifts"), True)
    return record.model_dump(mode="json", exclude={**series, "skills": {"__all__": {"changes"}}})
