from typing import Any

import pytest
import torch
from torch import Tensor

from paretune.engine import answer
from paretune.engine.generate import shared_batches
from paretune.models import LoadedModel

PROMPTS = ["Add 1:", "Add 1 + 2 + 3:", "A:", "Add 9:", "What is this?"]


def greedy(toy: LoadedModel, prompt: str, num_tokens: int) -> str:
    """Return what a loop without cache, padding or batch says."""
    ids = toy.tokenizer(prompt, return_tensors="pt")["input_ids"]
    start = ids.shape[1]
    for _ in range(num_tokens):
        ids = torch.cat([ids, toy.model(ids).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
        if ids[0, -1] == toy.tokenizer.eos_token_id:
            break
    text: str = toy.tokenizer.decode(ids[0, start:], skip_special_tokens=True)
    return text


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_answers_are_the_greedy_ones_in_the_order_of_the_prompts(batch_size: int, toy: LoadedModel) -> None:
    toy.model.eval()
    answers = answer(toy.model, toy.tokenizer, PROMPTS, max_new_tokens=6, batch_size=batch_size)
    assert answers == [greedy(toy, prompt, 6) for prompt in PROMPTS]


def test_generation_ends_at_a_stop_string_and_leaves_it_out(toy: LoadedModel) -> None:
    free = answer(toy.model, toy.tokenizer, PROMPTS, max_new_tokens=8, batch_size=8)
    stop = free[1][3]
    calls: list[Tensor] = []
    toy.model.register_forward_pre_hook(lambda module, inputs: calls.append(module))
    stopped = answer(toy.model, toy.tokenizer, PROMPTS[1:2], max_new_tokens=8, batch_size=8, stop=(stop,))
    assert stopped == [free[1][: free[1].index(stop)]]
    assert len(calls) < 8


def test_progress_counts_prompts(toy: LoadedModel) -> None:
    heard: list[tuple[int, int]] = []
    answer(
        toy.model, toy.tokenizer, PROMPTS, max_new_tokens=2, batch_size=2, on_progress=lambda *done: heard.append(done)
    )  # fmt: skip
    assert heard == [(2, 5), (4, 5), (5, 5)]


def test_who_shares_a_batch() -> None:
    lengths = [3, 5, 3, 9, 5, 3]
    assert shared_batches(lengths, 2) == [[3, 1], [4, 0], [2, 5]]
    assert shared_batches(lengths, 1) == [[3], [1], [4], [0], [2], [5]]


def test_sampled_answers_follow_the_seed(toy: LoadedModel) -> None:
    def sampled(seed: int, **settings: Any) -> list[str]:
        torch.manual_seed(seed)
        return answer(toy.model, toy.tokenizer, PROMPTS, max_new_tokens=8, batch_size=8, **settings)

    assert sampled(0, temperature=1.0) == sampled(0, temperature=1.0)
    assert sampled(0, temperature=1.0) != sampled(1, temperature=1.0)
    assert sampled(0, temperature=1.0, top_p=1e-6) == sampled(1)
