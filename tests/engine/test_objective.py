from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paretune.engine import answer_loss, answer_loss_in_chunks, make_batches, validation_loss
from paretune.engine.batches import picked
from paretune.engine.objective import answer_logits
from paretune.methods import Context, build, resolve
from paretune.models import LoadedModel, load_model
from paretune.spec import InputError, MethodEntry, Recipe
from paretune.tasks import Example

METHODS = ("full", "lora", "prefix-tuning", "prompt-tuning", "lily")


def adapted(entry: MethodEntry, toy: LoadedModel, recipe: Recipe) -> nn.Module:
    return build(resolve(entry)).wrap(toy.model, Context(recipe, 1e-3, 0, toy.tokenizer))


@pytest.mark.parametrize("name", METHODS)
def test_logits_of_answers_alone_are_those_of_the_whole(
    name: str, toy: LoadedModel, examples: list[Example], recipe: Any
) -> None:
    model = adapted(MethodEntry(name=name), toy, recipe()).eval()
    batch = next(iter(make_batches(examples, toy.tokenizer, recipe(), 0)))
    whole = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    num_virtual = whole.shape[1] - batch.input_ids.shape[1]
    expected = whole[:, num_virtual:-1][batch.answer_mask[:, 1:]]
    torch.testing.assert_close(answer_logits(model, batch), expected, atol=1e-5, rtol=1e-5)


def test_the_output_layer_sees_answers_only(toy: LoadedModel, examples: list[Example], recipe: Any) -> None:
    batch = next(iter(make_batches(examples, toy.tokenizer, recipe(), 0)))
    seen = []
    toy.model.get_output_embeddings().register_forward_hook(
        lambda module, inputs, output: seen.append(output.shape[-2])
    )
    answer_loss(toy.model, batch)
    assert seen == [batch.num_terms]
    toy.model(batch.input_ids)
    assert seen[1] == batch.input_ids.shape[1], "the hook must be gone after the loss"


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_in_chunks_has_the_same_value_and_gradients(
    name: str, toy: LoadedModel, examples: list[Example], recipe: Any
) -> None:
    model = adapted(MethodEntry(name=name), toy, recipe()).eval()
    batch = next(iter(make_batches(examples, toy.tokenizer, recipe(), 0)))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    found = []
    for objective in (answer_loss, answer_loss_in_chunks(3), answer_loss_in_chunks(1000)):
        loss = objective(model, batch)
        found.append((loss, torch.autograd.grad(loss / 7, trained)))
    for loss, gradients in found[1:]:
        torch.testing.assert_close(loss, found[0][0], rtol=1e-6, atol=0)
        torch.testing.assert_close(gradients, found[0][1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["full", "lora", "ln-tuning", "prompt-tuning"])
def test_the_loss_in_chunks_runs_under_the_autocast_of_the_model(
    name: str, examples: list[Example], recipe: Any
) -> None:
    toy = load_model("toy:llama", "bfloat16")
    model = adapted(MethodEntry(name=name), toy, recipe(dtype="bfloat16")).eval()
    batch = next(iter(make_batches(examples, toy.tokenizer, recipe(), 0)))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    whole, chunked = (objective(model, batch) for objective in (answer_loss, answer_loss_in_chunks(3)))
    torch.testing.assert_close(chunked, whole, rtol=1e-6, atol=0)
    assert chunked.dtype == torch.float32
    pairs = zip(*(torch.autograd.grad(loss / 7, trained) for loss in (whole, chunked)), strict=True)
    assert all(torch.linalg.norm(two - one) <= 0.01 * torch.linalg.norm(one) for one, two in pairs)


def test_an_adapter_on_the_output_layer_learns_from_a_loss_in_chunks(
    toy: LoadedModel, examples: list[Example], recipe: Any
) -> None:
    entry = MethodEntry(name="lora", parameters={"target_modules": ["q_proj", "lm_head"]})
    model = adapted(entry, toy, recipe())
    batch = next(iter(make_batches(examples, toy.tokenizer, recipe(), 0)))
    on_output = [one for name, one in model.named_parameters() if one.requires_grad and "lm_head" in name]
    assert on_output
    whole = torch.autograd.grad(answer_loss(model, batch), on_output)
    chunked = torch.autograd.grad(answer_loss_in_chunks(4)(model, batch), on_output)
    torch.testing.assert_close(chunked, whole, rtol=1e-4, atol=1e-6)


def test_in_chunks_no_tensor_holds_more_than_one_chunk_of_logits(
    toy: LoadedModel, examples: list[Example], recipe: Any
) -> None:
    batch = next(iter(make_batches(examples, toy.tokenizer, recipe(), 0)))
    seen: list[int] = []
    layer = toy.model.get_output_embeddings()
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[-2]))
    answer_loss_in_chunks(4)(toy.model, batch)
    assert seen[-1] == 0
    assert sum(seen) == batch.num_terms
    assert max(seen) == -(-batch.num_terms // 4)


def test_logits_that_are_changed_after_the_output_layer_are_not_computed_in_chunks(
    toy: LoadedModel, examples: list[Example], recipe: Any
) -> None:
    class Scaled(type(toy.model)):  # type: ignore[misc] # a class that is known when this runs
        def forward(self, **inputs: Any) -> Any:
            output = super().forward(**inputs)
            output.logits *= 0.5
            output.logits = output.logits.clone()
            return output

    toy.model.__class__ = Scaled
    batch = next(iter(make_batches(examples, toy.tokenizer, recipe(), 0)))
    with pytest.raises(InputError, match=r"loss_chunks = 2 needs a model whose logits .* leave it out"):
        answer_loss_in_chunks(2)(toy.model, batch)
    toy.model.get_output_embeddings = lambda: None
    with pytest.raises(InputError, match="an output layer"):
        answer_loss_in_chunks(2)(toy.model, batch)


def test_places_are_picked_without_values_of_the_device(toy: LoadedModel, examples: list[Example], recipe: Any) -> None:
    batch = next(iter(make_batches(examples, toy.tokenizer, recipe(), 0))).to(torch.device("meta"))
    assert picked(batch.input_ids, batch.answer_mask).shape == (int(batch.answer_mask.sum()),)
    assert batch.num_terms > 0


def test_validation_loss_is_the_mean_over_tokens(toy: LoadedModel, examples: list[Example], recipe: Any) -> None:
    toy.model.train()
    batches = make_batches(examples[:10], toy.tokenizer, recipe(), 0, one_pass=True)
    total, count = 0.0, 0
    for example in examples[:10]:
        prompt = toy.tokenizer(example.prompt)["input_ids"]
        ids = torch.tensor([[*prompt, *toy.tokenizer(example.completion)["input_ids"], toy.tokenizer.eos_token_id]])
        logits = toy.model.eval()(ids).logits[0, len(prompt) - 1 : -1]
        total += cross_entropy(logits, ids[0, len(prompt) :], reduction="sum").item()
        count += ids.shape[1] - len(prompt)
    toy.model.train()
    assert validation_loss(toy.model, batches) == pytest.approx(total / count, rel=1e-5)
    assert toy.model.training
