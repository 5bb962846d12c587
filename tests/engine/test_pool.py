"""A pool of rows answers as each prompt is answered alone, in fewer forward passes over fewer tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import MistralConfig, MistralForCausalLM

from paretune.engine import GENERATORS, answer, generator_for
from paretune.engine.pool import answer_in_pool, shared_prefix
from paretune.models import LoadedModel, load_model
from paretune.models.toy import toy_model, toy_tokenizer
from paretune.spec import Recipe
from paretune.spec.quantisation import Quantisation

SHOTS = "7 + 1 = 8\n3 + 3 = 6\n"
QUESTIONS = [f"{'1 + ' * (7 * number % 6)}{number} =" for number in range(14)]
MAX_NEW_TOKENS = 12


@pytest.fixture
def toy() -> LoadedModel:
    """Return a model that looks at some tokens more than at others, so that misplaced ones show."""
    return LoadedModel(toy_model(spread=0.1).eval(), toy_tokenizer(), None)


def encoded(toy: LoadedModel, prefix: str = "") -> list[list[int]]:
    return [toy.tokenizer(prefix + question)["input_ids"] for question in QUESTIONS]


def stops_of(toy: LoadedModel, prompts: list[list[int]]) -> tuple[str, ...]:
    """Return the first characters of the answers that end these at the most different lengths."""
    free = answer(toy.model, toy.tokenizer, prompts, max_new_tokens=MAX_NEW_TOKENS, batch_size=1)
    characters = sorted(set("".join(free)))
    pairs = [(one, two) for one in characters for two in characters]
    return max(pairs, key=lambda pair: len({min((*map(text.find, pair), len(text))) for text in free}))


@contextmanager
def passes(model: nn.Module) -> Iterator[list[torch.Size]]:
    """Give the shapes of the tokens that the model reads, pass by pass."""
    seen: list[torch.Size] = []

    def note(module: nn.Module, arguments: Any, named: dict[str, Any]) -> None:
        seen.append(named["input_ids"].shape)

    handle = model.register_forward_pre_hook(note, with_kwargs=True)
    yield seen
    handle.remove()


@pytest.mark.parametrize("prefix", ["", SHOTS])
@pytest.mark.parametrize("batch_size", [1, 4, 5, 32])
def test_answers_are_those_of_each_prompt_alone(prefix: str, batch_size: int, toy: LoadedModel) -> None:
    prompts = encoded(toy, prefix)
    limits: dict[str, Any] = {"max_new_tokens": MAX_NEW_TOKENS, "stop": stops_of(toy, prompts)}
    alone = answer(toy.model, toy.tokenizer, prompts, batch_size=1, **limits)
    assert len(set(map(len, alone))) > 3
    assert answer_in_pool(toy.model, toy.tokenizer, prompts, batch_size=batch_size, **limits) == alone


def test_answers_end_with_end_tokens(toy: LoadedModel) -> None:
    prompts = encoded(toy)
    free = answer(toy.model, toy.tokenizer, prompts, max_new_tokens=MAX_NEW_TOKENS, batch_size=1)
    ends = toy.tokenizer(free[0][1] + free[3][2])["input_ids"]
    limits: dict[str, Any] = {"max_new_tokens": MAX_NEW_TOKENS, "end_ids": ends}
    alone = answer(toy.model, toy.tokenizer, prompts, batch_size=1, **limits)
    assert alone != free
    assert answer_in_pool(toy.model, toy.tokenizer, prompts, batch_size=4, **limits) == alone


def test_rows_leave_and_free_places_are_taken(toy: LoadedModel) -> None:
    prompts = encoded(toy)
    limits: dict[str, Any] = {"max_new_tokens": MAX_NEW_TOKENS, "stop": stops_of(toy, prompts), "batch_size": 4}
    with passes(toy.model) as fixed:
        answer(toy.model, toy.tokenizer, prompts, **limits)
    with passes(toy.model) as pooled:
        answer_in_pool(toy.model, toy.tokenizer, prompts, **limits)
    assert max(rows for rows, _ in pooled) == 4
    assert sum(rows for rows, _ in pooled) < sum(rows for rows, _ in fixed)
    assert len(pooled) < len(fixed) + len(prompts)


def test_what_all_prompts_begin_with_is_read_once(toy: LoadedModel) -> None:
    prompts = encoded(toy, SHOTS)
    with passes(toy.model) as seen:
        answer_in_pool(toy.model, toy.tokenizer, prompts, max_new_tokens=2, batch_size=4)
    assert seen[0] == (1, len(SHOTS))
    assert max(tokens for _, tokens in seen[1:]) == max(map(len, prompts)) - len(SHOTS)


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [([[1, 2, 3], [1, 2, 4]], 2), ([[1, 2], [1, 2, 3]], 1), ([[1, 2], [1, 2]], 1), ([[5], [6]], 0), ([[1, 2, 3]], 0)],
)
def test_a_shared_prefix_leaves_each_prompt_a_token(prompts: list[list[int]], shared: int) -> None:
    assert shared_prefix(prompts) == shared


def test_progress_counts_answers(toy: LoadedModel) -> None:
    heard: list[tuple[int, int]] = []
    answer_in_pool(
        toy.model, toy.tokenizer, encoded(toy), max_new_tokens=2, batch_size=4,
        on_progress=lambda *done: heard.append(done),
    )  # fmt: skip
    assert heard == [(4, 14), (8, 14), (12, 14), (14, 14)]


def test_no_prompts_have_no_answers(toy: LoadedModel) -> None:
    for generator in GENERATORS.values():
        assert generator(toy.model, toy.tokenizer, [], max_new_tokens=2, batch_size=4) == []


def test_samples_are_not_drawn_from_a_pool(toy: LoadedModel) -> None:
    with pytest.raises(ValueError, match="greedily"):
        answer_in_pool(toy.model, toy.tokenizer, encoded(toy), max_new_tokens=2, batch_size=4, temperature=0.5)


@pytest.mark.parametrize(
    ("changes", "rows_may_change", "name"),
    [
        ({}, True, "pooled"),
        ({}, False, "transformers"),
        ({"dtype": "bfloat16"}, True, "transformers"),
        ({"temperature": 0.7}, True, "transformers"),
    ],
)
def test_a_pool_is_taken_where_it_changes_no_answer(
    changes: dict[str, Any], rows_may_change: bool, name: str, toy: LoadedModel
) -> None:
    assert generator_for(toy.model, Recipe(**changes), rows_may_change=rows_may_change) == name


def test_a_quantised_model_is_not_pooled() -> None:
    pytest.importorskip("bitsandbytes")
    model = load_model("toy:llama", quantisation=Quantisation("nf4")).model
    assert generator_for(model, Recipe(), rows_may_change=True) == "transformers"
    adapted = get_peft_model(model, LoraConfig(target_modules=["q_proj"]))
    assert generator_for(adapted, Recipe(), rows_may_change=True) == "transformers"


def test_a_cache_that_forgets_tokens_is_not_pooled() -> None:
    """Layers with a sliding window keep the last tokens only, counted with padding."""
    width = {"hidden_size": 16, "intermediate_size": 16, "vocab_size": 9, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    for window, name in ((4, "transformers"), (None, "pooled")):
        model = MistralForCausalLM(MistralConfig(**width, **heads, sliding_window=window))
        assert generator_for(model, Recipe(), rows_may_change=True) == name
