"""How many trials of a method are trained in one pass, by predicted memory: `paretune run --pack auto`."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

from paretune.engine import Batch, longest_batches, make_batches
from paretune.estimate import EstimateSettings
from paretune.estimate.packed import PackMemory, pack_memory
from paretune.execute.grouping import shared_by_packs
from paretune.kinds import Kind, Lengths, kind_named
from paretune.models import find_shape, pinned
from paretune.models.free_memory import USED_SHARE
from paretune.spec import InputError, Recipe, Trial, one_line
from paretune.tasks import Example, task_of

LARGEST_PACK = 8
_LIBRARIES_BYTES = 1_000_000_000
"""Main memory that a worker's process takes before it holds a model."""

Predict = Callable[[Trial, Literal["cpu", "cuda"]], PackMemory]
"""Returns what a trial takes in a pack on a device."""


class PackSize(NamedTuple):
    """How many trials are trained in one pass."""

    size: int
    why: str
    """In words."""


class PackSizes:
    """Chooses pack sizes, once for trials that could be packed with one another."""

    def __init__(
        self,
        free_bytes: int | None,
        device: Literal["cpu", "cuda"],
        predict: Predict | None = None,
        on_chosen: Callable[[str], None] | None = None,
    ) -> None:
        """Choose sizes for workers that have so many free bytes each; None where that is not known.

        `on_chosen` is called with a sentence about each choice.
        """
        self._free_bytes = free_bytes
        self._device: Literal["cpu", "cuda"] = device
        self._predict = predict or predicted
        self._on_chosen = on_chosen
        self._found: dict[str, int] = {}

    def size(self, trial: Trial) -> int:
        """Return the size for a trial's packs. What cannot be predicted is trained alone."""
        key = shared_by_packs(trial)
        if key not in self._found:
            size, why = self._choose(trial)
            self._found[key] = size
            if self._on_chosen is not None:
                how = "trained alone" if size == 1 else f"up to {size} trials in one pass"
                self._on_chosen(f"{trial.method.label}: {how}: {why}")
        return self._found[key]

    def _choose(self, trial: Trial) -> PackSize:
        if self._free_bytes is None:
            return PackSize(1, "free memory is not known here")
        try:
            memory = self._predict(trial, self._device)
        except Exception as error:  # what a method or a library cannot do without weights: then its memory is unknown
            return PackSize(1, f"memory could not be predicted ({one_line(error)[:100]})")
        usable = USED_SHARE * self._free_bytes - (_LIBRARIES_BYTES if self._device == "cpu" else 0)
        size = memory.most(usable, LARGEST_PACK)
        return PackSize(size, f"{memory.of(size) / 1e9:.2f} GB predicted, {self._free_bytes / 1e9:.2f} GB free")


def predicted(trial: Trial, device: Literal["cpu", "cuda"]) -> PackMemory:
    """Return what a trial takes in a pack, with the longest and the first batch of its own training data.

    Raises `InputError` where its kind of model is not packed, and as `pack_memory` does.
    """
    kind = kind_named(trial.model_kind)
    if type(kind).packed_losses is Kind.packed_losses:
        raise InputError(f"models of the kind {kind.name} are trained alone")
    settings = EstimateSettings(recipe=trial.recipe, device=device)
    shape = find_shape(pinned(trial.base_model, trial.base_content))
    first = _lengths_of_first(trial, partial(make_batches, seed=trial.seed))
    return pack_memory(shape, trial.method, settings, longest_lengths(trial), first)


def longest_lengths(trial: Trial) -> list[Lengths]:
    """Return the tokens of each row of a trial's longest batch."""
    return _lengths_of_first(trial, longest_batches)


def _lengths_of_first(trial: Trial, make: Callable[[Sequence[Example], Any, Recipe], Iterable[Batch]]) -> list[Lengths]:
    """Return the tokens of each row of the first batch that is made of a trial's training examples."""
    task: Any = task_of(trial.task)
    tokenizer = kind_named(trial.model_kind).tokenizer(pinned(trial.base_model, trial.base_content))
    batch = next(iter(make(task.examples("train"), tokenizer, trial.recipe)))
    answers, tokens = batch.answer_mask.sum(dim=1).tolist(), batch.attention_mask.sum(dim=1).tolist()
    return [Lengths(whole - answer, answer) for whole, answer in zip(tokens, answers, strict=True)]
