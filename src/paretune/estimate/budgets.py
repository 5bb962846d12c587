"""Which budgets of memory training fits into, and with how large a batch."""

from collections.abc import Callable
from typing import NamedTuple

from paretune.measure import StorageLog, at_scale
from paretune.measure.storage_log import same_course
from paretune.spec.memory import BudgetAnswer

LARGEST_BATCH = 1 << 16

Needed = Callable[[StorageLog], int]
"""Returns the bytes that a device must have free for a log."""


class TwoBatches(NamedTuple):
    """Logs of the same training with one example more in the second."""

    batch_size: int
    log: StorageLog
    log_with_one_more: StorageLog


def needed_at(batches: TwoBatches, batch_size: int, needed: Needed) -> int:
    """Return what training at another batch size needs.

    Every tensor's size is linear in the batch size, so the log at any size lies on the line through two of them. Where
    the two ran different courses, the line is drawn through what they need, which is near but not exact.
    """
    scale = batch_size - batches.batch_size
    if same_course(batches.log, batches.log_with_one_more):
        return needed(at_scale(batches.log, batches.log_with_one_more, scale))
    first, second = needed(batches.log), needed(batches.log_with_one_more)
    return first + scale * (second - first)


def answer_budget(
    budget_bytes: int, asked: int, needed_bytes: int, batches: TwoBatches, needed: Needed
) -> BudgetAnswer:
    """Return whether the batch size that was asked for fits, and the largest that does.

    `needed_bytes` is what training at the batch size asked for needs.
    """

    def fits(batch_size: int) -> bool:
        return (needed_bytes if batch_size == asked else needed_at(batches, batch_size, needed)) <= budget_bytes

    return BudgetAnswer(budget_bytes=budget_bytes, fits=needed_bytes <= budget_bytes, largest_batch_size=_largest(fits))


def _largest(fits: Callable[[int], bool]) -> int | None:
    """Return the largest number that fits, found by doubling and halving; None where 1 does not."""
    if not fits(1):
        return None
    low = 1
    while low < LARGEST_BATCH and fits(2 * low):
        low *= 2
    high = 2 * low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
