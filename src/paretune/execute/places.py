"""Where the next trial runs on this machine: on an accelerator of its own, or on one that it may share."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import NamedTuple, Protocol

from paretune.execute.grouping import say_nothing, shared_by_packs
from paretune.models.devices import least_used
from paretune.models.free_memory import USED_SHARE, free_bytes
from paretune.spec import Trial, one_line


class Occupant(Protocol):
    """Trials that run in one process."""

    @property
    def trials(self) -> tuple[Trial, ...]:
        """At least one."""

    @property
    def device(self) -> str | None:
        """Their accelerator; None where they share the processor."""


class Place(NamedTuple):
    """Where a process may start."""

    device: str | None
    """As `Occupant.device`; several with commas for a trial that is sharded over them."""


class DeviceMemory:
    """What trials are predicted to take of an accelerator, and what each accelerator has free."""

    def __init__(
        self,
        devices: Sequence[str],
        predict: Callable[[Trial], int],
        free: Callable[[str], int | None] = free_bytes,
        say: Callable[[str], None] = say_nothing,
    ) -> None:
        """Take accelerators, what predicts a trial's bytes, and what asks an accelerator for its free bytes.

        Each is called once for what it is called for. None stands for free bytes that are not known; a prediction that
        raises, for a trial of which nothing is known. `say` is called with a sentence about each prediction.
        """
        self._devices = devices
        self._predict = predict
        self._ask = free
        self._say = say
        self._predicted: dict[str, int | None] = {}

    def ask(self) -> None:
        """Ask all accelerators for their free bytes, unless they were asked before."""
        _ = self.free

    @cached_property
    def free(self) -> Mapping[str, int | None]:
        """Free bytes of each accelerator, asked at the first call: before anything runs there."""
        with ThreadPoolExecutor() as threads:  # each is asked by a process of its own
            return dict(zip(self._devices, threads.map(self._ask, self._devices), strict=True))

    def needed(self, trial: Trial) -> int | None:
        """Return the bytes that a trial is predicted to take, the same for all of its learning rates and seeds."""
        key = shared_by_packs(trial)
        if key not in self._predicted:
            self._predicted[key] = self._try(trial)
        return self._predicted[key]

    def _try(self, trial: Trial) -> int | None:
        try:
            found = self._predict(trial)
        except Exception as error:  # what a method or a library cannot do without weights: then its memory is unknown
            reason = f"memory could not be predicted ({one_line(error)[:100]})"
            self._say(f"{trial.method.label}: shares no accelerator: {reason}")
            return None
        self._say(f"{trial.method.label}: {found / 1e9:.2f} GB of an accelerator predicted for each trial")
        return found

    def fits(self, device: str, trials: Sequence[Trial]) -> bool:
        """Tell whether an accelerator is known to hold all of these trials at once."""
        free, needed = self.free[device], [self.needed(trial) for trial in trials]
        if free is None:
            return False
        return all(number is not None for number in needed) and sum(filter(None, needed)) <= USED_SHARE * free


class Places:
    """The places of this machine: one for each accelerator, or more where trials may share one."""

    def __init__(
        self,
        devices: Sequence[str],
        jobs: int | None,
        *,
        share_devices: bool = False,
        memory: DeviceMemory | None = None,
    ) -> None:
        """Give out `jobs` places, or for None as many as there is room for; without accelerators that is one.

        By number, places are spread evenly over the accelerators. As many as there is room for are one for each
        accelerator, and more on one whose `memory` suffices: for tuning trials, whose clocks are no results, and with
        `share_devices` for all.
        """
        self._devices = tuple(devices)
        self._jobs = jobs
        self._share_devices = share_devices
        self._memory = memory

    def num_at_once(self, *, alone: bool) -> int:
        """Return how many processes run at once, without those that find room next to others."""
        if not self._devices:
            return 1 if alone else self._jobs or 1
        jobs = self._jobs or len(self._devices)
        return min(jobs, len(self._devices), _num_cores()) if alone else jobs

    def next(self, trials: Sequence[Trial], running: Sequence[Occupant], *, alone: bool) -> Place | None:
        """Return where these trials may start next to those that run, or None where they must wait."""
        if self._memory is not None and not (running or alone):
            self._memory.ask()
        if self._devices and (sharding := trials[0].recipe.sharding) is not None:
            return None if running else Place(",".join(self._devices[: sharding.devices]))
        used = [one.device for one in running]
        if len(running) < self.num_at_once(alone=alone):
            return Place(least_used(self._devices, used))
        if alone or self._jobs is not None or self._memory is None or len(running) >= _num_cores():
            return None
        for device in sorted(self._devices, key=used.count):
            together = [*(trial for one in running if one.device == device for trial in one.trials), *trials]
            packed = any(len(one.trials) > 1 for one in running if one.device == device) or len(trials) > 1
            if not packed and all(map(self._may_share, together)) and self._memory.fits(device, together):
                return Place(device)
        return None

    def _may_share(self, trial: Trial) -> bool:
        return self._share_devices or trial.tunes


def _num_cores() -> int:
    return os.cpu_count() or 1
