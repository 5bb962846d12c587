"""Clock and memory of each named part of a trial."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn

from paretune.measure.memory import count_peak_bytes
from paretune.spec import Phase, PhaseReading


class _Peak(NamedTuple):
    """What an accelerator's allocator held at most."""

    allocated_bytes: int
    reserved_bytes: int


class Phases:
    """Reads seconds and, on an accelerator, peak bytes phase by phase. A phase may be entered several times.

    `on_enter` is called with each phase that begins, before its clock starts.
    """

    def __init__(self, on_enter: Callable[[Phase], None] | None = None) -> None:
        self._on_enter = on_enter
        self._running = False
        self._seconds: dict[Phase, float] = {}
        self._peaks: dict[Phase, _Peak] = {}
        self._counted_bytes: dict[Phase, int] = {}
        self.current: Phase | None = None
        """The phase that runs now, or that an error ended; None between phases."""

    @contextmanager
    def during(self, phase: Phase) -> Iterator[None]:
        """Read clock and memory of what happens inside, even when it ends in an error.

        Raises `RuntimeError` inside another phase: its time would count twice.
        """
        if self._running:
            raise RuntimeError(f'phase "{phase}" begins inside phase "{self.current}"')
        if self._on_enter is not None:
            self._on_enter(phase)
        self.current, self._running = phase, True
        _reset_accelerator()
        began = time.perf_counter()
        try:
            yield
            _finish_accelerator_work()  # an error of a kernel that still runs belongs to this phase
            self.current = None
        finally:
            self._running = False
            self._seconds[phase] = self._seconds.get(phase, 0.0) + time.perf_counter() - began
            self._keep_peak(phase)

    def seconds(self, phase: Phase) -> float:
        """Return the seconds spent in a phase so far, 0 if it was never entered."""
        return self._seconds.get(phase, 0.0)

    def accelerator_peak(self, phase: Phase) -> int | None:
        """Return the most bytes that the accelerator's allocator had handed out in a phase; None without one."""
        peak = self._peaks.get(phase)
        return None if peak is None else peak.allocated_bytes

    def peak_bytes_of(self, model: nn.Module, run: Callable[[], object]) -> int:
        """Run something inside a phase and return the most bytes held meanwhile.

        As for training, that is the allocator's own peak on an accelerator, and counted elsewhere.
        """
        assert self._running, "to be called inside a phase"
        assert self.current is not None
        if _accelerator_peak() is None:
            return count_peak_bytes(model, run)
        self._keep_peak(self.current)
        _reset_accelerator()
        run()
        _finish_accelerator_work()
        peak = _accelerator_peak()
        assert peak is not None
        return peak.allocated_bytes

    def counted(self, phase: Phase, peak_bytes: int) -> None:
        """Take the peak of a phase from a separate counting pass, for machines without an accelerator."""
        self._counted_bytes[phase] = peak_bytes

    def took(self, phase: Phase, seconds: float) -> None:
        """Add seconds to a phase that were read elsewhere, such as a share of what several trials took together."""
        self._seconds[phase] = self._seconds.get(phase, 0.0) + seconds

    def read_elsewhere(self, readings: Iterable[PhaseReading]) -> None:
        """Take what another process read of phases that this one has not entered."""
        for reading in readings:
            self.took(reading.phase, reading.seconds)
            if reading.peak_bytes is not None and reading.reserved_bytes is not None:
                self._peaks[reading.phase] = _Peak(reading.peak_bytes, reading.reserved_bytes)

    def readings(self) -> tuple[PhaseReading, ...]:
        """Return what was read, in the order in which the phases first began."""
        return tuple(
            PhaseReading(
                phase=phase,
                seconds=seconds,
                peak_bytes=peak.allocated_bytes if (peak := self._peaks.get(phase)) else self._counted_bytes.get(phase),
                reserved_bytes=peak.reserved_bytes if peak else None,
            )
            for phase, seconds in self._seconds.items()
        )

    def _keep_peak(self, phase: Phase) -> None:
        peak = _accelerator_peak()
        if peak is None:
            return
        before = self._peaks.get(phase, _Peak(0, 0))
        self._peaks[phase] = _Peak(*map(max, peak, before))


def _reset_accelerator() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        for place in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(place)


def _finish_accelerator_work() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _accelerator_peak() -> _Peak | None:
    """Return the allocator's peaks since the last reset, of the device that held the most; None without one."""
    if not torch.cuda.is_available():
        return None
    places = range(torch.cuda.device_count())
    return _Peak(max(map(torch.cuda.max_memory_allocated, places)), max(map(torch.cuda.max_memory_reserved, places)))
