"""A method that waits for a value on paper is told, not waited for."""

import pytest
import torch

from paretune.estimate.fake import loop_guard
from paretune.estimate.fake.fake_tensors import fake_tensors
from paretune.spec import InputError


def test_a_loop_that_waits_for_a_value_ends_with_the_line_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_guard, "MOST_QUESTIONS", 20)
    told = pytest.raises(InputError, match=rf"{__name__}, line \d+, asked for them 20 times")
    with fake_tensors("cuda") as device, told:
        error = torch.empty(4, device=device)
        while error.norm().item() > 0.05:
            error = error / 2


def test_questions_of_other_lines_in_between_start_the_count_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_guard, "MOST_QUESTIONS", 20)
    with fake_tensors("cuda") as device:
        value = torch.empty(4, device=device)
        answers = set()
        for _ in range(50):
            answers.add(value.sum().item())
            answers.add(value.mean().item())
    assert answers == {1.0}
