"""A kind of base model: everything in which one kind differs from another. The rest of Paretune asks here."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import torch
from torch import nn

from paretune.engine import DataBatch
from paretune.engine.packing import LossesOf
from paretune.kinds.probe import Subject
from paretune.measure import Phases
from paretune.methods import Context, KindTraits, Method, Objective
from paretune.models import LoadedModel
from paretune.spec import (
    DataReport,
    GeneralText,
    GeneratorName,
    InputError,
    ModelKind,
    Phase,
    Recipe,
    SkillResult,
    Trial,
)
from paretune.store import NOTHING_SHARED, Item, KeptPicture, SharedValues
from paretune.tasks import AnyTask, Split

TaskT = TypeVar("TaskT", bound=AnyTask)
ReadTexts = Callable[[GeneralText], Sequence[str]]
OnProgress = Callable[[int, int], None]
"""Is called with the number of questions that are answered so far, and that of all questions."""

CLAIMS_OF_EVERY_KIND = frozenset({
    "attaches", "trains", "all_parameters_move", "no_op_at_start", "exact_off", "switch_restores", "reloads",
    "reloads_with_peft", "mergeable", "batch_invariant", "checkpointing_keeps_gradients",
})  # fmt: skip
"""What an audit can ask wherever there are a loss and outputs."""


class TrainingData(NamedTuple):
    """What a model is trained on, and what its validation loss is read on."""

    batches: Iterable[DataBatch]
    """Without end; iterating again begins again with the same order."""
    longest: Iterable[DataBatch]
    """Likewise, of the examples that need most memory."""
    validation: Iterable[DataBatch]
    """The validation split, once."""
    num_left_out: int = 0
    """Training examples that were longer than the recipe allows."""
    num_validation_left_out: int = 0
    """Validation examples likewise: the validation loss is over the others."""


class Asked(NamedTuple, Generic[TaskT]):
    """A saved method, and the questions that are put to it."""

    trial: Trial
    task: TaskT
    method: Method
    checkpoint: Path
    limit: int | None = None
    """Ask the first N questions only."""
    shared: SharedValues = NOTHING_SHARED
    """What other trials have found out about the base model."""


class Evaluation(NamedTuple):
    """What a saved, reloaded method does with a task, and with what the base model could do before."""

    metrics: dict[str, float]
    standard_errors: dict[str, float]
    groups: dict[str, dict[str, float]]
    items: Sequence[Item]
    text_loss_changes: tuple[float, ...] = ()
    skills: tuple[SkillResult, ...] = ()
    drifts: tuple[float, ...] = ()
    pictures: Sequence[KeptPicture] = ()
    notes: tuple[str, ...] = ()
    """What a reader of the result must know in addition to the method's name."""
    generator: GeneratorName | None = None
    """What wrote the answers; None where nothing was generated."""


class Lengths(NamedTuple):
    """Tokens of one example."""

    prompt: int
    answer: int


class BatchSize(NamedTuple):
    """How large a batch is, for a prediction."""

    lengths: Sequence[Lengths]
    """One for each example."""
    dtype: torch.dtype
    """Of the base model's weights."""
    text_length: int
    """Tokens of a caption."""
    resolution: int
    """Height and width of a picture, in pixels."""
    shown: Any = None
    """What `Kind.shown` returns of a picture of that size."""


class LongText(NamedTuple):
    """The longest text of a sort that a trained model reads, and what makes it shorter."""

    words: str
    """What it is, in words: "the longest general text"."""
    num_tokens: int
    mend: str
    """What a person can do about it, as a command."""


class Workload(NamedTuple):
    """Batches without end, all of the same size, and the objective."""

    batches: Iterable[DataBatch]
    objective: Objective
    logits_width: int | None
    """Width of what counts as logits."""
    question: Callable[[int], Any] | None = None
    """Returns a question of so many tokens, as `paretune.engine.answer` takes it; None where nothing is generated."""


class Kind(ABC, Generic[TaskT]):
    """One kind of base model. An instance holds no state: everything that a call needs is among its arguments.

    A task names its kind. A trial calls, in this order: `load`, `objective` and, where the method trains,
    `training_data` before training; then `load` again and `evaluate`. Planning calls `fits`, `check` and `build`, an
    audit `subject`, an estimate `build` and `workload`.
    """

    traits: ClassVar[KindTraits]
    """Its name, and what else a method may know."""
    words: ClassVar[str]
    """What a task of this kind needs, in words: "a language model"."""
    tasks: ClassVar[type[Any]]
    """What its tasks are subclasses of: `paretune.tasks.AnyTask`, or a subclass with what this kind asks of them."""
    claims: ClassVar[frozenset[str]] = CLAIMS_OF_EVERY_KIND
    """What an audit asks of a method on this kind: names in `paretune.spec.CLAIMS`."""
    quantises: ClassVar[bool] = False
    """Whether `load` follows a recipe's quantisation."""
    shards: ClassVar[bool] = False
    """Whether training may be sharded: for one of several processes, `load` then leaves the model in main memory."""
    skill_kinds: ClassVar[frozenset[ModelKind]] = frozenset()
    """The kinds of tasks that `evaluate` puts to the base model and the trained one as general skills, by name."""
    sees: ClassVar[bool] = False
    """Whether its examples are pictures and text that go through the model's processor."""
    generates: ClassVar[bool] = False
    """Whether an estimate covers answers that are generated token by token."""

    @property
    def name(self) -> str:
        """The name by which tasks and audits call it."""
        return self.traits.name

    @abstractmethod
    def fits(self, reference: str) -> bool:
        """Tell whether a task of this kind can be put to a base model. May fetch its configuration.

        Raises `InputError` when it cannot be had.
        """

    def recognises(self, config: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Tell by a model's configuration alone whether it is of this kind: for estimates, which know no task."""
        return False

    @abstractmethod
    def load(self, task: TaskT, trial: Trial) -> LoadedModel:
        """Return the fresh base model on the device where it is trained and asked, the same at every call.

        Raises `InputError` when it cannot be used.
        """

    @abstractmethod
    def build(self, config: Mapping[str, Any], dtype: torch.dtype) -> nn.Module:
        """Return the model that a configuration describes, its weights of no particular values.

        They are made where tensors are made by default. Raises what the libraries raise.
        """

    def config_for(self, task: TaskT, config: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        """Return a base model's configuration with what the task changes about it, such as the number of classes."""
        return config

    def tokenizer(self, reference: str) -> Any:  # noqa: ARG002
        """Return the tokenizer as it comes with the loaded model, no weights read; None where there is none."""
        return None

    def recipe(self, recipe: Recipe) -> Recipe:
        """Return a study's recipe with what this kind needs filled in."""
        return recipe

    def check(self, task: TaskT, trial: Trial, tokenizer: Any, read_texts: ReadTexts) -> None:
        """Raise `InputError` for data that cannot be used: what could only fail once a trial has started.

        Called once for each task and `max_length` of a study, and for each method that does not train. `read_texts`
        reads a file of general text once.
        """

    def longest_example(self, task: TaskT, trial: Trial, tokenizer: Any) -> int:  # noqa: ARG002
        """Return the tokens of the longest text that the recipe's `max_length` limits; 0 where it limits none.

        It is checked that a base model can read it with the virtual tokens that a method puts before it.
        """
        return 0

    def other_texts(self, task: TaskT, trial: Trial, tokenizer: Any, read_texts: ReadTexts) -> Sequence[LongText]:  # noqa: ARG002
        """Return the longest of the texts that a trained model reads besides, for the same check."""
        return ()

    def data_report(self, task: TaskT, trial: Trial) -> DataReport | None:  # noqa: ARG002
        """Return what a model will see of a person's own data; None where there is nothing to tell."""
        return None

    def num_examples(self, task: TaskT, split: Split) -> int:
        """Return how many examples a split has; by default of a task that gives them by `examples(split)`."""
        gives: Any = task
        return len(gives.examples(split))

    @abstractmethod
    def objective(self, loaded: LoadedModel) -> Objective:
        """Return what training minimises."""

    def objective_in_chunks(self, num_chunks: int) -> Objective | None:  # noqa: ARG002
        """Return `objective` computed for a part of its terms at a time; None where this kind cannot."""
        return None

    def by_recipe(self, objective: Objective, recipe: Recipe) -> Objective:
        """Return the objective in as many chunks as the recipe wants. Raises `InputError` for a kind that cannot."""
        if recipe.loss_chunks == 1:
            return objective
        found = self.objective_in_chunks(recipe.loss_chunks)
        if found is None:
            raise InputError(f"recipe: loss_chunks = {recipe.loss_chunks} is for models that write text; leave it out")
        return found

    def packed_losses(self, loaded: LoadedModel) -> LossesOf | None:  # noqa: ARG002
        """Return `objective` for trials that are trained in one pass; None where this kind cannot be."""
        return None

    @abstractmethod
    def training_data(self, task: TaskT, trial: Trial, loaded: LoadedModel) -> TrainingData:
        """Return what a trial trains on. What would only fail after training is refused here."""

    @abstractmethod
    def evaluate(
        self, asked: Asked[TaskT], loaded: LoadedModel, phases: Phases, on_progress: OnProgress
    ) -> Evaluation:  # fmt: skip
        """Attach a saved method to a fresh base model and put the trial's questions to it, measuring what it asks for.

        What the base did before, against which forgetting is measured, is read before the method is attached. A kind
        for which forgetting has no meaning measures none.
        """

    def subject(self, reference: str | None, *, tied: bool) -> Subject | None:  # noqa: ARG002
        """Return the model that audits are made on: by default a toy, else the one referred to.

        None where this kind is not audited: without a toy of its own, on a model by reference, or on one that is `tied`
        (whose input and output embeddings are one matrix).
        """
        return None

    def workload(self, config: Mapping[str, Any], size: BatchSize) -> Workload | None:  # noqa: ARG002
        """Return a batch of that size for a model of that configuration; None where this kind is not estimated."""
        return None

    def shown(self, tokenizer: Any, resolution: int) -> Any:  # noqa: ARG002
        """Return a square picture with the shortest text as the model is shown it, of a kind that `sees`.

        `tokenizer` is as `tokenizer()` returns it. What is returned has `num_question_tokens`, the fewest tokens that a
        question with its picture takes. Raises `InputError` where the processor refuses the picture.
        """
        return None

    def longest_workload(self, task: TaskT, trial: Trial) -> Workload | None:  # noqa: ARG002
        """Return the longest batch of a trial's own training, for a prediction; None where `Lengths` say all of it."""
        return None

    def assumptions(self, *, own_data: bool) -> tuple[str, ...]:  # noqa: ARG002
        """Return what a reader of an estimate must know; `own_data` says that lengths were taken from a file."""
        return ()

    def head(self, model: nn.Module, drawn: Sequence[str] = ()) -> tuple[str, ...]:  # noqa: ARG002
        """Return the names of the modules that every method trains along; `drawn` are those that its files lack."""
        return ()

    def text_part(self, model: nn.Module) -> nn.Module:
        """Return the part of a model that reads text: what says how many tokens it reads at once."""
        return model

    def context(
        self, recipe: Recipe, learning_rate: float | None, seed: int, tokenizer: Any, objective: Objective | None = None
    ) -> Context:  # fmt: skip
        """Return what a method may know about a trial on this kind of model, but for its head."""
        return Context(recipe, learning_rate, seed, tokenizer, self.traits, objective)


def keep_answer_peak(metrics: dict[str, float], phases: Phases, peak_bytes: int) -> None:
    """Note what generation needed. On an accelerator the phase has the allocator's own peak already."""
    metrics["answer_peak_bytes"] = float(peak_bytes)
    if not torch.cuda.is_available():
        phases.counted(Phase.TEST, peak_bytes)
