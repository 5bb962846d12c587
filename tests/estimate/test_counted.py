"""What is predicted without weights is what real training counts, for methods of different kinds."""

from functools import partial

import numpy as np
import pytest

from benchmarks.memory_counted import compare_method, settings_for
from paretune.estimate.generation import Questions, generation_log
from paretune.estimate.predict import Asked, predict
from paretune.estimate.settings import EstimateSettings
from paretune.estimate.training import base_tensors, in_format
from paretune.estimate.workload import padded_lengths, workload_for
from paretune.measure.storage_log import KINDS
from paretune.methods import build, resolve
from paretune.models import find_shape, load_model
from paretune.spec import MethodEntry
from paretune.spec.memory import MemoryKind

pytestmark = pytest.mark.filterwarnings("ignore")

METHODS = ("full", "lora", "adalora", "oft", "boft", "loha", "ia3", "shira", "vblora", "ln-tuning", "prefix-tuning")
TOLERANCE = 0.01


@pytest.mark.parametrize("name", METHODS)
def test_predicted_is_counted_and_counting_repeats(name: str) -> None:
    spec = resolve(MethodEntry(name=name))
    found = compare_method(find_shape("toy:llama"), spec, settings_for(48), runs=2)
    assert found.counted_bytes[0] == found.counted_bytes[1]
    assert abs(found.error) <= TOLERANCE
    assert found.predicted_bytes > 1_000_000


def test_a_loss_in_chunks_is_predicted_as_it_is_counted() -> None:
    settings = in_chunks(settings_for(48), 6)
    found = compare_method(find_shape("toy:llama"), resolve(MethodEntry(name="lora")), settings, runs=1)
    assert abs(found.error) <= TOLERANCE


def test_logits_in_chunks_take_a_part_of_the_memory() -> None:
    shape, spec, lengths = find_shape("toy:llama"), resolve(MethodEntry(name="lora")), padded_lengths(4, 48)
    most = []
    for settings in (settings_for(48), in_chunks(settings_for(48), 6)):
        log = predict(shape, partial(build, spec), settings, partial(workload_for, shape, settings, lengths)).log
        changes = np.where(log.kind[log.storage] == KINDS.index(MemoryKind.LOGITS), log.change_bytes, 0)
        most.append(int(changes.cumsum().max()))
    assert most[1] < most[0] / 5


def in_chunks(settings: EstimateSettings, num_chunks: int) -> EstimateSettings:
    recipe = settings.recipe.model_copy(update={"loss_chunks": num_chunks})
    return settings.model_copy(update={"recipe": recipe})


def test_generation_that_is_written_down_holds_what_real_generation_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    shape, settings, lengths = find_shape("toy:llama"), settings_for(48), padded_lengths(2, 48)
    spec = resolve(MethodEntry(name="base"))
    questions = Questions(batch_size=8, prompt_length=2, new_tokens=200)
    workload = partial(workload_for, shape, settings, lengths)
    predicted = predict(shape, partial(build, spec), settings, workload, Asked(questions)).generation
    assert predicted is not None

    model = load_model("toy:llama").model
    base = base_tensors(model)
    real = in_format(model, base, [tensor.dtype for tensor in base])
    monkeypatch.setattr("paretune.estimate.generation._RUN_TOKENS", questions.new_tokens)  # every pass is run
    counted = generation_log(real, questions, workload(), base)
    assert len([mark for mark in counted.marks if mark.name == "forward"]) == questions.new_tokens
    assert counted.peak().peak_bytes > counted.peak(stop=len(counted.storage) // 2).peak_bytes  # it grows
    assert abs(predicted.peak().peak_bytes / counted.peak().peak_bytes - 1) <= TOLERANCE
