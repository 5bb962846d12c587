"""Which budgets of memory training fits into, and with how large a batch."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from paretune.measure import StorageLog, at_scale
from paretune.measure.storage_log import same_course
from paretune.spec.memory import BudgetAnswer

LARGEST_BATCH = 1 << 16

Needed = Callable[[StorageLog], int]
"""Returns the bytes that a device must have free for a log: never less than what is alive at the log's peak."""


class TwoBatches(NamedTuple):
    """Logs of the same training with one example more in the second."""

    batch_size: int
    log: StorageLog
    log_with_one_more: StorageLog


def needs_by_batch_size(batches: TwoBatches, needed: Needed) -> Callable[[int], int]:
    """Return a function from a batch size to what training with it needs.

    Every tensor's size is linear in the batch size, so the log at any size lies on the line through two of them. Where
    the two ran different courses, the line is drawn through what they need, which is near but not exact. It rises at
    least as what is alive does: an allocator takes memory in large pieces, and two batches can need as many.
    """
    if same_course(batches.log, batches.log_with_one_more):
        return lambda batch_size: needed(_scaled(batches, batch_size))
    first, second = needed(batches.log), needed(batches.log_with_one_more)
    alive, more_alive = (log.peak().peak_bytes for log in (batches.log, batches.log_with_one_more))
    rise = max(second - first, more_alive - alive)
    return lambda batch_size: first + (batch_size - batches.batch_size) * rise


def answer_budget(
    budget_bytes: int, asked: int, needed_bytes: int, batches: TwoBatches, needed: Needed
) -> BudgetAnswer:
    """Return whether the batch size that was asked for fits, and the largest that does.

    `needed_bytes` is what training at the batch size asked for needs.
    """
    at_size = needs_by_batch_size(batches, needed)

    @cache
    def fits(batch_size: int) -> bool:
        return (needed_bytes if batch_size == asked else at_size(batch_size)) <= budget_bytes

    largest = _largest(fits, _largest_alive(budget_bytes, batches))
    return BudgetAnswer(budget_bytes=budget_bytes, fits=needed_bytes <= budget_bytes, largest_batch_size=largest)


def _scaled(batches: TwoBatches, batch_size: int) -> StorageLog:
    return at_scale(batches.log, batches.log_with_one_more, batch_size - batches.batch_size)


def _largest_alive(budget_bytes: int, batches: TwoBatches) -> int:
    """Return the largest batch size whose live bytes fit: what an allocator adds can only make it smaller.

    Live bytes are read off a log much faster than what an allocator makes of them.
    """
    if not same_course(batches.log, batches.log_with_one_more):
        return LARGEST_BATCH

    def fits(batch_size: int) -> bool:
        return _scaled(batches, batch_size).peak().peak_bytes <= budget_bytes

    if not fits(1):
        return 0
    low = 1
    while low < LARGEST_BATCH and fits(2 * low):
        low *= 2
    return _between(fits, low, 2 * low)


def _largest(fits: Callable[[int], bool], highest: int) -> int | None:
    """Return the largest number up to `highest` that fits, sought downwards in growing steps; None where 1 does not."""
    high, step = highest + 1, 1
    while high > 1:
        low = max(1, high - step)
        if fits(low):
            return _between(fits, low, high)
        high, step = low, 2 * step
    return None


def _between(fits: Callable[[int], bool], low: int, high: int) -> int:
    """Return the largest number from `low`, which fits, to below `high`, which does not."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
