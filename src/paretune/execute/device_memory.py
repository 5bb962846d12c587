"""What a trial is predicted to take of an accelerator, so that small ones share it: `paretune run --jobs auto`."""

from collections.abc import Callable, Sequence
from functools import partial

from paretune.estimate import EstimateSettings
from paretune.estimate.planned import training_memory
from paretune.estimate.predict import MakeWorkload
from paretune.estimate.workload import workload_for
from paretune.execute.pack_size import longest_lengths
from paretune.execute.places import DeviceMemory
from paretune.kinds import kind_named
from paretune.models import ModelShape, find_shape, pinned
from paretune.spec import Trial
from paretune.tasks import task_of

CONTEXT_BYTES = 750_000_000
"""What a process takes of a GPU in addition to PyTorch's allocator: the context of CUDA and its libraries."""


def memory_of(devices: Sequence[str], say: Callable[[str], None]) -> DeviceMemory | None:
    """Return what is known of these accelerators' memory; None where there are none, or none of CUDA's.

    `say` is called with a sentence about what each method's trials are predicted to take.
    """
    return None if not devices or devices[0] in {"xpu", "mps"} else DeviceMemory(devices, predicted_bytes, say=say)


def predicted_bytes(trial: Trial) -> int:
    """Return the bytes that a trial's training reserves on a GPU with its longest batch, and its process besides.

    Answering a tuning trial's questions is not predicted: it takes less than training does unless there are many more
    answers at once than rows in a batch. Raises what a method or a library cannot do without weights.
    """
    settings = EstimateSettings(recipe=trial.recipe, device="cuda")
    shape = find_shape(pinned(trial.base_model, trial.base_content))
    make_workload = _longest(trial, shape, settings)
    return training_memory(shape, trial.method, settings, make_workload).needed_bytes + CONTEXT_BYTES


def _longest(trial: Trial, shape: ModelShape, settings: EstimateSettings) -> MakeWorkload:
    """Return what makes a trial's longest batch: of its own examples, or of the lengths of those."""
    workload = kind_named(trial.model_kind).longest_workload(task_of(trial.task), trial)
    if workload is not None:
        return lambda: workload
    return partial(workload_for, shape, settings, longest_lengths(trial))
