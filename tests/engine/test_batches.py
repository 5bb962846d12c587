from itertools import islice
from typing import Any

import pytest
import torch

from paretune.engine import longest_batches, make_batches
from paretune.models import LoadedModel
from paretune.spec import InputError
from paretune.tasks import Example


def test_the_same_seed_gives_the_same_order_and_another_seed_another(
    toy: LoadedModel, examples: list[Example], recipe: Any
) -> None:
    def first(seed: int) -> list[torch.Tensor]:
        return [batch.input_ids for batch in islice(make_batches(examples, toy.tokenizer, recipe(), seed), 20)]

    assert all(torch.equal(one, other) for one, other in zip(first(1), first(1), strict=True))
    assert any(
        one.shape != other.shape or not torch.equal(one, other) for one, other in zip(first(1), first(2), strict=True)
    )


def test_one_pass_shows_every_example_once(toy: LoadedModel, examples: list[Example], recipe: Any) -> None:
    batches = list(make_batches(examples, toy.tokenizer, recipe(batch_size=7), 0, one_pass=True))
    texts = toy.tokenizer.batch_decode([row for batch in batches for row in batch.input_ids], skip_special_tokens=True)
    assert sorted(texts) == sorted(example.prompt + example.completion for example in examples)


def test_an_epoch_holds_every_example_once_and_all_its_batches_are_full(
    toy: LoadedModel, examples: list[Example], recipe: Any
) -> None:
    batches = list(islice(make_batches(examples, toy.tokenizer, recipe(batch_size=4), 0), 10))
    assert {len(batch.input_ids) for batch in batches} == {4}
    rows = toy.tokenizer.batch_decode([row for batch in batches for row in batch.input_ids], skip_special_tokens=True)
    assert len(set(rows)) == 40


def test_the_loss_is_taken_on_the_answer_and_the_end_of_text(
    toy: LoadedModel, examples: list[Example], recipe: Any
) -> None:
    batch = next(iter(make_batches(examples[:1], toy.tokenizer, recipe(), 0, one_pass=True)))
    answer = batch.input_ids[0][batch.answer_mask[0]]
    assert toy.tokenizer.decode(answer[:-1]) == examples[0].completion
    assert answer[-1] == toy.tokenizer.eos_token_id
    assert batch.num_terms == len(answer)


def test_too_long_examples_are_left_out_and_counted(toy: LoadedModel, examples: list[Example], recipe: Any) -> None:
    lengths = [len(toy.tokenizer(example.prompt + example.completion)["input_ids"]) + 1 for example in examples]
    batches = make_batches(examples, toy.tokenizer, recipe(max_length=20), 0)
    assert batches.num_left_out == sum(length > 20 for length in lengths) > 0
    assert max(batch.input_ids.shape[1] for batch in islice(batches, 10)) <= 20
    with pytest.raises(InputError, match="max_length = 8 leaves no training example"):
        make_batches(examples, toy.tokenizer, recipe(max_length=8), 0)


def test_similar_lengths_share_a_batch(toy: LoadedModel, recipe: Any) -> None:
    examples = [Example(str(n), "x" * (1 + n * 37 % 200), " y", "y", "all") for n in range(200)]
    batches = list(islice(make_batches(examples, toy.tokenizer, recipe(batch_size=8), 0), 25))
    padded = sum(batch.attention_mask.numel() for batch in batches) / sum(
        int(batch.attention_mask.sum()) for batch in batches
    )
    assert padded < 1.12


def test_longest_batches_hold_the_longest_examples(toy: LoadedModel, examples: list[Example], recipe: Any) -> None:
    longest = max(len(toy.tokenizer(example.prompt + example.completion)["input_ids"]) + 1 for example in examples)
    first, second = islice(longest_batches(examples, toy.tokenizer, recipe()), 2)
    assert first.input_ids.shape == second.input_ids.shape == (4, longest)


def test_the_loss_may_be_taken_on_the_whole_text(toy: LoadedModel, examples: list[Example], recipe: Any) -> None:
    (batch,) = make_batches(examples[:4], toy.tokenizer, recipe(loss_on="whole_text"), 0, one_pass=True)
    for row, attended, learned in zip(*batch, strict=True):
        assert learned.tolist() == [False, *[True] * (int(attended.sum()) - 1)] + [False] * int((1 - attended).sum())
        assert row[attended.bool()][-1] == toy.tokenizer.eos_token_id


def test_data_may_be_taken_as_listed_longest_first_in_each_window(
    toy: LoadedModel, examples: list[Example], recipe: Any
) -> None:
    many = [example._replace(prompt=f"{place:03d} {example.prompt}") for place, example in enumerate(examples * 5)]
    seeds = [
        [
            batch.input_ids
            for batch in islice(make_batches(many, toy.tokenizer, recipe(data_order="as_listed"), seed), 51)
        ]
        for seed in (0, 1)
    ]
    for one, other in zip(*seeds, strict=True):
        assert torch.equal(one, other)
    batches = [toy.tokenizer.batch_decode(ids, skip_special_tokens=True) for ids in seeds[0]]
    first = [int(text[:3]) for batch in batches[:20] for text in batch]
    assert sorted(first) == list(range(80))
    lengths = [len(text) for batch in batches[:20] for text in batch]
    assert lengths == sorted(lengths, reverse=True)
    assert batches[50] == batches[0], "after a pass the data begins anew"
