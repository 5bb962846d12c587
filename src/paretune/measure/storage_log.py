"""What happened to memory, event by event, as plain arrays: peaks are read off afterwards, as often as one likes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paretune.spec.memory import MemoryKind, MemoryPeak

KINDS = tuple(MemoryKind)


class Mark(NamedTuple):
    """A named moment between two events."""

    position: int
    """Number of events before it."""
    name: str


class StorageLog(NamedTuple):
    """Storages that came, grew and died, in order. Arrays of events have the shape (events,)."""

    storage: NDArray[np.int64]
    """Which storage each event is about, counted from 0 in the order of their first event."""
    change_bytes: NDArray[np.int64]
    """Bytes that came with the event; negative for those that went."""
    kind: NDArray[np.int8]
    """What each storage is for, as an index into `KINDS`; shape (storages,)."""
    marks: tuple[Mark, ...] = ()

    def live_bytes(self) -> NDArray[np.int64]:
        """Return the bytes alive after each event."""
        return np.cumsum(self.change_bytes)

    def peak(self, start: int = 0, stop: int | None = None) -> MemoryPeak:
        """Return the moment with most bytes among the events from `start` to `stop`, and what is alive then."""
        live = self.live_bytes()
        window = live[start:stop]
        if not len(window):
            return MemoryPeak(peak_bytes=0, by_kind={})
        return self.alive_at(start + int(window.argmax()))

    def alive_at(self, position: int) -> MemoryPeak:
        """Return what is alive after the event at `position`."""
        until = position + 1
        per_kind = np.zeros(len(KINDS), dtype=np.int64)
        np.add.at(per_kind, self.kind[self.storage[:until]], self.change_bytes[:until])
        by_kind = {kind: int(num_bytes) for kind, num_bytes in zip(KINDS, per_kind, strict=True) if num_bytes}
        return MemoryPeak(peak_bytes=int(per_kind.sum()), by_kind=by_kind)

    def between(self, first: str, last: str | None = None) -> tuple[int, int]:
        """Return the first event after the mark `first` and the event at the next mark `last` (or the end)."""
        start = next(mark.position for mark in self.marks if mark.name == first)
        stops = (mark.position for mark in self.marks if mark.name == last and mark.position >= start)
        return start, next(stops, len(self.storage))


def same_course(one: StorageLog, other: StorageLog) -> bool:
    """Tell whether two logs tell of the same storages coming and going in the same order, of any sizes."""
    return (
        np.array_equal(one.storage, other.storage)
        and np.array_equal(np.sign(one.change_bytes), np.sign(other.change_bytes))
        and np.array_equal(one.kind, other.kind)
    )


def at_scale(small: StorageLog, large: StorageLog, scale: float) -> StorageLog:
    """Return the log on the straight line through `small` (scale 0) and `large` (scale 1), event by event.

    Exact where every storage's size is linear in what was scaled, as tensors are in the number of their rows. Raises
    `ValueError` where the two do not run the same course.
    """
    if not same_course(small, large):
        raise ValueError("the two logs do not contain the same events")
    change = small.change_bytes + scale * (large.change_bytes - small.change_bytes)
    return small._replace(change_bytes=np.rint(change).astype(np.int64))
