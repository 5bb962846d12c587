"""Which trials may be trained in one pass. Imports no torch."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from paretune.spec import InputError, MethodSpec, Trial

AUTO = "auto"


def say_nothing(text: str) -> None:
    """Ignore it."""


class Packing(NamedTuple):
    """Which trials of a study are trained in one pass."""

    size: int | Callable[[Trial], int]
    """At most so many at once, of all methods or of a trial's."""
    first_seed: int
    """Trials with this seed are timed, unless they serve a choice, and therefore run alone."""
    only_where_it_pays: bool = False
    """Time a method's first pack before its first step, and train alone what is not faster together."""
    say: Callable[[str], None] = say_nothing
    """Is called with a sentence about a method that cannot be trained in one pass."""

    def packs(self, trials: Sequence[Trial]) -> list[tuple[Trial, ...]]:
        """Return the trials that run alone, then the packs of the others."""
        timed = [trial for trial in trials if not trial.tunes and trial.seed == self.first_seed]
        others = [trial for trial in trials if trial.tunes or trial.seed != self.first_seed]
        return [*packs_of(timed, 1), *packs_of(others, self.size)]


def pack_from(text: str) -> int | str:
    """Return what `pack` of `run` takes, from text. Raises `InputError` for anything else."""
    if text == AUTO or (text.isdecimal() and int(text) > 0):
        return text if text == AUTO else int(text)
    raise InputError(f'--pack: "{text}" is neither a number of trials from 1 on nor {AUTO}')


def may_be_packed(one: Trial, other: Trial) -> bool:
    """Tell whether two trials differ in learning rate and seed alone, so that one pass might train both."""
    return one.method.trains and shared_by_packs(one) == shared_by_packs(other)


def packs_of(trials: Sequence[Trial], size: int | Callable[[Trial], int]) -> list[tuple[Trial, ...]]:
    """Return the trials in packs of at most `size`, in the order of their first ones.

    A function is asked where there are trials that might be packed.
    """
    found: list[list[Trial]] = []
    open_packs: dict[str, list[Trial]] = {}
    for trial in trials:
        key = shared_by_packs(trial)
        pack = open_packs.get(key)
        if pack is None or not trial.method.trains or len(pack) >= (size if isinstance(size, int) else size(trial)):
            pack = open_packs[key] = []
            found.append(pack)
        pack.append(trial)
    return [tuple(pack) for pack in found]


def split_up(packs: Sequence[tuple[Trial, ...]], method: MethodSpec) -> list[tuple[Trial, ...]]:
    """Return the packs with the trials of one method each by itself."""
    return [part for pack in packs for part in (packs_of(pack, 1) if pack[0].method == method else [pack])]


def shared_by_packs(trial: Trial) -> str:
    """Return what trials of a pack have in common."""
    return trial.model_copy(update={"learning_rate": None, "seed": 0}).canonical_json()
