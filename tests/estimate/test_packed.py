"""A pack's predicted memory is what training it really holds: the base once, everything else for each trial."""

import gc
from itertools import repeat

import pytest
import torch

from paretune.engine.packing import Trainee, packed_answer_losses, sharing_copy, train_packed, weight_sums
from paretune.estimate import EstimateSettings
from paretune.estimate.packed import PackMemory, pack_memory
from paretune.estimate.training import STEPS
from paretune.estimate.workload import padded_lengths, workload_for
from paretune.kinds import kind_of_shape
from paretune.measure.memory import LiveStorage
from paretune.methods import build, resolve
from paretune.models import find_shape, load_model
from paretune.models.toy import toy_tokenizer
from paretune.spec import MethodEntry, Recipe

MOST_BELOW, MOST_ABOVE = 0.002, 0.06
"""Too little would run out of memory. Too much is safe: a copy of a layer's output is added for every method, though
only some of them still hold it at the moment of the peak."""
NUM_TRIALS = 3
LENGTHS = padded_lengths(2, 48)
SETTINGS = EstimateSettings(recipe=Recipe(batch_size=2, dtype="float32", steps=STEPS, warmup_ratio=0.0), device="cpu")


def counted(name: str, num_trials: int = NUM_TRIALS) -> int:
    """Return the most bytes that are alive while a pack is checked and trained."""
    gc.collect()
    shape = find_shape("toy:llama")
    workload = workload_for(shape, SETTINGS, LENGTHS)
    base = load_model("toy:llama").model
    sums = weight_sums(base)
    trainees = []
    for seed in range(num_trials):
        method = build(resolve(MethodEntry(name=name)))
        context = kind_of_shape(shape).context(SETTINGS.recipe, 1e-4, seed, toy_tokenizer(), workload.objective)
        torch.manual_seed(seed)
        model = method.wrap(sharing_copy(base), context)
        batch = next(iter(workload.batches))
        trainees.append(Trainee(model, method, method.optimizer(model, context), repeat(batch)))
    counter = LiveStorage(device_type="cpu")
    for model in (base, *(one.model for one in trainees)):
        counter.track([*model.parameters(), *model.buffers()])
    gc.collect()
    with counter:
        train_packed(base, trainees, SETTINGS.recipe, packed_answer_losses, sums=sums)
    return counter.peak_bytes


@pytest.mark.parametrize("name", ["lora", "ia3", "oft"])
def test_predicted_is_what_a_pack_holds(name: str) -> None:
    memory = pack_memory(find_shape("toy:llama"), resolve(MethodEntry(name=name)), SETTINGS, LENGTHS, LENGTHS)
    assert -MOST_BELOW <= memory.of(NUM_TRIALS) / counted(name) - 1 <= MOST_ABOVE


def test_as_many_as_fit() -> None:
    memory = PackMemory(base_bytes=100, trial_bytes=10)
    assert [memory.most(free, 8) for free in (50, 119, 120, 139.9, 1e9)] == [1, 1, 2, 3, 8]
