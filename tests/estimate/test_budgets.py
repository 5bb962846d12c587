"""The largest batch that fits is found without running it."""

from collections.abc import Sequence

import numpy as np
import pytest

from paretune.estimate.budgets import Needed, TwoBatches, answer_budget
from paretune.measure import StorageLog

BATCH = 4


def log(sizes: Sequence[int]) -> StorageLog:
    """Return a log in which storages of these sizes come and none goes."""
    return StorageLog(
        storage=np.arange(len(sizes)),
        change_bytes=np.array(sizes, dtype=np.int64),
        kind=np.zeros(len(sizes), dtype=np.int8),
    )


def trained(batch_size: int) -> StorageLog:
    """Weights of 1000 bytes, and 100 for each example."""
    return log([1000, 100 * batch_size])


def exactly(one: StorageLog) -> int:
    return one.peak().peak_bytes


def with_reserve(one: StorageLog) -> int:
    """Need as an allocator does that rounds up to 512 and adds a fifth."""
    return -(-one.peak().peak_bytes * 6 // 5 // 512) * 512


@pytest.mark.parametrize("needed", [exactly, with_reserve])
@pytest.mark.parametrize("budget", [999, 1099, 1100, 1536, 1700, 2048, 5000, 100_000])
def test_the_largest_batch_fits_and_the_next_does_not(needed: Needed, budget: int) -> None:
    batches = TwoBatches(BATCH, trained(BATCH), trained(BATCH + 1))
    at_asked = needed(trained(BATCH))
    answer = answer_budget(budget, BATCH, at_asked, batches, needed)
    assert answer.fits == (at_asked <= budget)
    largest = answer.largest_batch_size
    if largest is None:
        assert needed(trained(1)) > budget
    else:
        assert needed(trained(largest)) <= budget < needed(trained(largest + 1))


def test_where_the_courses_differ_the_line_goes_through_the_needs() -> None:
    batches = TwoBatches(BATCH, trained(BATCH), log([1000, 300, 200]))
    assert answer_budget(2000, BATCH, 1400, batches, exactly).largest_batch_size == 10


def test_batches_that_need_the_same_in_pieces_do_not_fit_at_any_size() -> None:
    def in_pieces(one: StorageLog) -> int:
        return -(-one.peak().peak_bytes // 4096) * 4096

    other_course = log([1000, 100, 100 * BATCH])
    answer = answer_budget(9000, BATCH, 4096, TwoBatches(BATCH, trained(BATCH), other_course), in_pieces)
    assert answer.fits
    assert answer.largest_batch_size == BATCH + (9000 - 4096) // 100
