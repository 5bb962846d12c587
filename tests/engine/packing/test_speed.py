"""The benchmark for a GPU runs on a CPU at toy size: what it prints are measured lines and no errors."""

import re

import pytest
import torch
from torch import nn

from benchmarks.gpu.speed import OTHER_RECIPES, Deadline, Sizes, against, attempt, lines, timed_answers
from paretune.engine import GENERATORS

SIZES = Sizes(packs=(1, 2), steps=4, rounds=1, num_prompts=3, answer_batch_sizes=(2,))
LINE = re.compile(r"(step|answers), (.*?) +\d+\.\d{4} s   ratio \d+\.\d{3} \(of \d+\.\d{3} to \d+\.\d{3}\)")


def test_every_way_is_measured_at_toy_size() -> None:
    found = list(lines(SIZES, Deadline(float("inf")), toy=True))
    matches = [LINE.fullmatch(line) for line in found]
    names = [match[2] for match in matches if match]
    assert names == [
        "alone", "pack of 1", "pack of 2", *(f"{name}, 2 at once" for name in GENERATORS), *OTHER_RECIPES
    ]  # fmt: skip


def test_nothing_begins_after_the_deadline() -> None:
    found = list(lines(SIZES, Deadline(-1), toy=True))
    assert found
    assert all(line.endswith("not begun: the time was up") for line in found)


def test_one_error_does_not_end_the_others() -> None:
    def fails() -> float:
        raise torch.OutOfMemoryError("too much\nof it")

    assert attempt(fails, Deadline(float("inf"))) == "OutOfMemoryError: too much of it"
    assert attempt(lambda: 2.0, Deadline(float("inf"))) == 2.0


def test_wrong_answers_are_no_time() -> None:
    with pytest.raises(ValueError, match="1 of 2 answers are wrong"):
        timed_answers(lambda _: ["a", "b"], nn.Identity(), ["a", "c"])


def test_ratios_are_those_of_the_same_round() -> None:
    assert against([2.0, 6.0], [1.0, 2.0]) == "   4.0000 s   ratio 2.500 (of 2.000 to 3.000)"
    assert against([2.0, "no"], ["no", 2.0]) == "   2.0000 s"
    assert against(["no"], [2.0]) == "no"
