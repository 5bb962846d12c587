"""PyTorch's caching allocator for CUDA, simulated: how much is reserved for storages that come and go.

The rules and sizes are those of `c10/cuda/CUDACachingAllocator.cpp` with its default settings: requests are rounded up
to 512 bytes; those up to 1 MB share segments of 2 MB, those up to 10 MB share segments of 20 MB, larger ones get a
segment of their own in steps of 2 MB; a request takes the smallest free block that holds it, and what is left of the
block stays usable when it is large enough; neighbours that are free are joined.
"""

from bisect import bisect_left, insort
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paretune.measure.storage_log import StorageLog

ROUNDING_BYTES = 512
SMALL_BYTES = 1 << 20
SMALL_SEGMENT_BYTES = 2 << 20
LARGE_SEGMENT_BYTES = 20 << 20
OWN_SEGMENT_BYTES = 10 << 20
"""Requests of at least this size get a segment of their own."""
OWN_SEGMENT_STEP_BYTES = 2 << 20


class _Block:
    """A piece of a segment, linked to its neighbours in it."""

    __slots__ = ("address", "after", "before", "num_bytes", "small", "used")

    def __init__(self, address: int, num_bytes: int, *, small: bool) -> None:
        self.address = address
        self.num_bytes = num_bytes
        self.small = small
        self.used = False
        self.before: _Block | None = None
        self.after: _Block | None = None

    @property
    def order(self) -> tuple[int, int]:
        return self.num_bytes, self.address


class CachingAllocator:
    """Counts what would be reserved. Addresses are made up: only their order matters."""

    def __init__(self) -> None:
        self.reserved_bytes = 0
        self.peak_reserved_bytes = 0
        self._free: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
        self._blocks: dict[int, _Block] = {}
        self._next_address = 0

    def allocate(self, num_bytes: int) -> int:
        """Take a block for a request and return its address."""
        size = max(ROUNDING_BYTES, _up(num_bytes, ROUNDING_BYTES))
        small = size <= SMALL_BYTES
        block = self._take(size, small=small) or self._segment(size, small=small)
        left = block.num_bytes - size
        if left >= ROUNDING_BYTES if small else left > SMALL_BYTES:
            self._split(block, size)
        block.used = True
        return block.address

    def free(self, address: int) -> None:
        """Give a block back. Its segment stays reserved."""
        block = self._blocks[address]
        block.used = False
        if block.before is not None and not block.before.used:
            self._withdraw(block.before)
            block = self._joined(block.before, block)
        if block.after is not None and not block.after.used:
            self._withdraw(block.after)
            block = self._joined(block, block.after)
        insort(self._free[block.small], block.order)

    def empty_cache(self) -> None:
        """Release the segments in which nothing is in use."""
        for small, free in self._free.items():
            kept = []
            for order in free:
                block = self._blocks[order[1]]
                if block.before is None and block.after is None:
                    del self._blocks[block.address]
                    self.reserved_bytes -= block.num_bytes
                else:
                    kept.append(order)
            self._free[small] = kept

    def _take(self, size: int, *, small: bool) -> _Block | None:
        free = self._free[small]
        place = bisect_left(free, (size, -1))
        return self._blocks[free.pop(place)[1]] if place < len(free) else None

    def _segment(self, size: int, *, small: bool) -> _Block:
        if small:
            num_bytes = SMALL_SEGMENT_BYTES
        elif size < OWN_SEGMENT_BYTES:
            num_bytes = LARGE_SEGMENT_BYTES
        else:
            num_bytes = _up(size, OWN_SEGMENT_STEP_BYTES)
        block = _Block(self._next_address, num_bytes, small=small)
        self._blocks[block.address] = block
        self._next_address += num_bytes
        self.reserved_bytes += num_bytes
        self.peak_reserved_bytes = max(self.peak_reserved_bytes, self.reserved_bytes)
        return block

    def _split(self, block: _Block, size: int) -> None:
        rest = _Block(block.address + size, block.num_bytes - size, small=block.small)
        rest.before, rest.after = block, block.after
        if block.after is not None:
            block.after.before = rest
        block.after, block.num_bytes = rest, size
        self._blocks[rest.address] = rest
        insort(self._free[rest.small], rest.order)

    def _joined(self, first: _Block, second: _Block) -> _Block:
        first.num_bytes += second.num_bytes
        first.after = second.after
        if second.after is not None:
            second.after.before = first
        del self._blocks[second.address]
        return first

    def _withdraw(self, block: _Block) -> None:
        free = self._free[block.small]
        del free[bisect_left(free, block.order)]


class Replay(NamedTuple):
    """What the allocator would have done with a log."""

    reserved_bytes: NDArray[np.int64]
    """Reserved after each event, shape (events,)."""

    def peak(self, start: int = 0, stop: int | None = None) -> int:
        """Return the most bytes reserved among the events from `start` to `stop`."""
        window = self.reserved_bytes[start:stop]
        return int(window.max()) if len(window) else 0


def replay(
    log: StorageLog,
    *,
    warmed_up_bytes: int = 0,
    held_from_the_start: Collection[int] = (),
    empty_cache_at: Collection[int] = (),
    without: Collection[int] = (),
) -> Replay:
    """Return what the allocator would have reserved for a log's storages.

    A segment of `warmed_up_bytes` is there before anything else, as when a loader asks for all weights at once.
    `held_from_the_start` are sizes in bytes that the process holds besides (a library's workspace). The cache is
    emptied before the events whose positions are in `empty_cache_at`. Storages in `without` are left out: they live
    elsewhere.
    """
    allocator = CachingAllocator()
    if warmed_up_bytes:
        allocator.free(allocator.allocate(warmed_up_bytes))
    for num_bytes in held_from_the_start:
        allocator.allocate(num_bytes)
    addresses: dict[int, int] = {}
    sizes: dict[int, int] = {}
    emptied, left_out = frozenset(empty_cache_at), frozenset(without)
    reserved = np.empty(len(log.storage), dtype=np.int64)
    for position, (storage, change) in enumerate(zip(log.storage.tolist(), log.change_bytes.tolist(), strict=True)):
        if position in emptied:
            allocator.empty_cache()
        if storage not in left_out:
            size = sizes.get(storage, 0) + change
            before = addresses.pop(storage, None)
            if size > 0:
                addresses[storage] = allocator.allocate(size)
            if before is not None:
                allocator.free(before)
            sizes[storage] = size
        reserved[position] = allocator.reserved_bytes
    return Replay(reserved)


def _up(num_bytes: int, step: int) -> int:
    return -(-num_bytes // step) * step
