"""What operations depend on: a model's shape, and the tokens of a trial's steps."""

import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from paretune.engine import make_batches
from paretune.estimate.compute import model_compute, shape_named, step_tokens
from paretune.models import find_shape, load_model
from paretune.spec import InputError, TaskSpec
from paretune.tasks import get_task
from tests.records import make_record


def test_a_bundled_config_is_found_by_its_short_name() -> None:
    found = model_compute(shape_named("llama-3.2-3b"))
    assert found.model == "meta-llama/Llama-3.2-3B"
    # The matrices, without norms; input and output embeddings are one.
    assert found.parameters == 3_212_749_824 - 57 * 3072
    assert (found.num_layers, found.attention_width, found.output_parameters) == (28, 3072, 128_256 * 3072)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("Llama-3.2-33B", 'no bundled config of that name (did you mean "Llama-3.2-3B"?)'),
        ("google-bert/bert-base-uncased", "no language model that writes text"),
    ],
)
def test_what_is_not_projected_is_said(model: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        model_compute(shape_named(model))


def test_operations_of_a_forward_pass_are_those_that_torch_counts() -> None:
    model = load_model("toy:llama").model
    model.set_attn_implementation("eager")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(torch.ones(3, 20, dtype=torch.int64))
    rotary = 2 * 3 * 20 * model.config.head_dim // 2  # the angles of positions are a product too
    compute = model_compute(find_shape("toy:llama"))
    assert counter.get_total_flops() == pytest.approx(60 * compute.forward_flops(20) + rotary, rel=1e-3)


def test_tokens_of_a_trial_are_those_of_its_batches() -> None:
    task = get_task("word_problems")
    spec = TaskSpec(name="word_problems", version=task.card.version, content_hash=task.content_hash)
    trial = make_record(task=spec).trial
    trial = trial.model_copy(
        update={"recipe": trial.recipe.model_copy(update={"steps": 2, "gradient_accumulation": 2})}
    )
    found = step_tokens(trial)
    stream = iter(make_batches(task.examples("train"), load_model("toy:llama").tokenizer, trial.recipe, trial.seed))
    batches = [next(stream) for _ in range(4)]
    sizes = [batch.input_ids.numel() for batch in batches]
    assert found.tokens == sum(sizes) / 2
    assert found.learned_tokens == sum(batch.num_terms for batch in batches) / 2
    assert (
        min(len(batch.input_ids[0]) for batch in batches) <= found.length <= max(len(b.input_ids[0]) for b in batches)
    )


def test_data_that_has_changed_is_not_counted() -> None:
    with pytest.raises(InputError, match="its data is not what the study was run on"):
        step_tokens(make_record().trial)
