from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from paretune.engine import answer_loss, make_batches, validation_loss
from paretune.engine.objective import answer_logits
from paretune.methods import Context, build, resolve
from paretune.models import LoadedModel
from paretune.spec import MethodEntry
from paretune.tasks import Example

METHODS = ("full", "lora", "prefix-tuning", "prompt-tuning", "lily")


@pytest.mark.parametrize("name", METHODS)
def test_logits_of_answers_alone_are_those_of_the_whole(
    name: str, toy: LoadedModel, examples: list[Example], recipe: Any
) -> None:
    method = build(resolve(MethodEntry(name=name)))
    model = method.wrap(toy.model, Context(recipe(), 1e-3, 0, toy.tokenizer)).eval()
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
