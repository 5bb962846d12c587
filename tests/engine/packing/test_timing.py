"""Trials are packed where a few steps show that it is faster. The clock is made up: it moves by what it is told."""

from collections.abc import Sequence

import pytest

from paretune.engine import Training
from paretune.engine.packing import NotPackable
from paretune.engine.packing.proof import Timing
from paretune.spec import Recipe
from tests.engine.packing.conftest import Cell, Packs

RECIPE = Recipe(steps=3, batch_size=4)
CELLS = [Cell(1e-3, 0), Cell(1e-2, 0), Cell(1e-3, 1)]


class Clock:
    """Is read before and after each pass, which takes the next of some durations."""

    def __init__(self, seconds: Sequence[float]) -> None:
        self.waiting = list(seconds)
        self._now, self._running = 0.0, False

    def __call__(self) -> float:
        if self._running:
            self._now += self.waiting.pop(0)
        self._running = not self._running
        return self._now


ALONE, PROOF = [1.0, 1.0, 1.0], [9.0]
"""The check's passes: each trial alone, and all together with twice the padding, which is not counted."""


@pytest.mark.parametrize(
    ("later", "pays"),
    [
        ([2.7, 2.0, 0.5, 0.5, 2.8], True),  # the less of 2.7 and 2.8, against the less of 3 and 3
        ([2.8, 1.0, 1.0, 1.0, 2.71], False),
        ([2.75, 0.9, 0.9, 0.9, 2.5], False),  # the second time alone was shorter than that of the check
    ],
)
def test_a_pack_goes_on_where_it_is_a_tenth_faster(packs: type[Packs], later: list[float], pays: bool) -> None:
    clock = Clock([*ALONE, *PROOF, *later])
    pack = packs("lora", RECIPE, CELLS)
    if pays:
        results = pack.together(clock)[1]
        for number, result in enumerate(results):
            assert isinstance(result, Training)
            assert result.losses == pytest.approx(pack.alone(number).train().losses, rel=1e-6)
    else:
        with pytest.raises(
            NotPackable, match=r"a step of 3 trials took 2\.\d+ s in one pass and \d\.?\d* s one by one"
        ):
            pack.together(clock)
    assert clock.waiting == []


def test_without_a_clock_nothing_is_timed(packs: type[Packs]) -> None:
    assert all(isinstance(result, Training) for result in packs("lora", RECIPE, CELLS[:2]).together()[1])


def test_the_tenth_is_of_the_sum_alone() -> None:
    assert Timing(2, alone_seconds=2.0, together_seconds=1.8).pays
    assert not Timing(2, alone_seconds=2.0, together_seconds=1.81).pays
