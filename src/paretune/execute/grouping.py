"""Which trials may be trained in one pass. Imports no torch."""

from collections.abc import Sequence
from typing import NamedTuple

from paretune.spec import MethodSpec, Trial


class Packing(NamedTuple):
    """Which trials of a study are trained in one pass."""

    size: int
    """At most so many at once."""
    first_seed: int
    """Trials with this seed are timed, unless they serve a choice, and therefore run alone."""

    def packs(self, trials: Sequence[Trial]) -> list[tuple[Trial, ...]]:
        """Return the trials that run alone, then the packs of the others."""
        timed = [trial for trial in trials if not trial.tunes and trial.seed == self.first_seed]
        others = [trial for trial in trials if trial.tunes or trial.seed != self.first_seed]
        return [*packs_of(timed, 1), *packs_of(others, self.size)]


def may_be_packed(one: Trial, other: Trial) -> bool:
    """Tell whether two trials differ in learning rate and seed alone, so that one pass might train both."""
    return one.method.trains and _shared(one) == _shared(other)


def packs_of(trials: Sequence[Trial], size: int) -> list[tuple[Trial, ...]]:
    """Return the trials in packs of at most `size`, in the order of their first ones."""
    found: list[list[Trial]] = []
    open_packs: dict[str, list[Trial]] = {}
    for trial in trials:
        key = _shared(trial)
        pack = open_packs.get(key)
        if pack is None or len(pack) == size or not trial.method.trains:
            pack = open_packs[key] = []
            found.append(pack)
        pack.append(trial)
    return [tuple(pack) for pack in found]


def split_up(packs: Sequence[tuple[Trial, ...]], method: MethodSpec) -> list[tuple[Trial, ...]]:
    """Return the packs with the trials of one method each by itself."""
    return [part for pack in packs for part in (packs_of(pack, 1) if pack[0].method == method else [pack])]


def _shared(trial: Trial) -> str:
    """Return what trials of a pack have in common."""
    return trial.model_copy(update={"learning_rate": None, "seed": 0}).canonical_json()
