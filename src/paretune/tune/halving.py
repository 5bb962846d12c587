"""Which settings of a method are compared early, and which of them are then trained to the end.

A rung is a point of the training at which settings are compared. The last rung, behind all of these, is the end.
"""

from collections.abc import Callable, Mapping, Sequence

from paretune.spec import Candidate, Record
from paretune.spec.tuning import VALIDATION_LOSS, Halving
from paretune.tune.choose import mean_over_seeds

TrialIds = tuple[str, ...]


def raced(
    halving: Halving,
    grids: Sequence[Sequence[Candidate]],
    rung: int,
    trial_ids: Callable[[Candidate, int], TrialIds],
    results: Mapping[str, Record],
) -> list[Candidate]:
    """Return the candidates of the last grid, each with the trials that it runs up to a rung of that grid.

    `grids` are ever wider, and each begins with the candidates of the one before, whose rungs have all been reached: a
    candidate that was trained to the end in one of them stays. `trial_ids` names the trials of a candidate at a rung,
    one for each tuning seed.
    """
    num_early = len(halving.after)
    early: list[dict[int, TrialIds]] = [{} for _ in grids[-1]]
    to_the_end: set[int] = set()
    for number, grid in enumerate(grids, 1):
        reached = rung if number == len(grids) else num_early
        alive = list(range(len(grid)))
        for level in range(min(reached + 1, num_early)):
            for place in alive:
                early[place].setdefault(level, trial_ids(grid[place], level))
            if level < reached:
                losses = {place: mean_over_seeds(early[place][level], VALIDATION_LOSS, results) for place in alive}
                alive = _best(halving, grid, losses)
        if reached == num_early:
            to_the_end.update(alive)
    return [
        candidate.model_copy(
            update={
                "early_trial_ids": tuple(ids for _, ids in sorted(early[place].items())),
                "trial_ids": trial_ids(candidate, num_early) if place in to_the_end else (),
            }
        )
        for place, candidate in enumerate(grids[-1])
    ]


def _best(halving: Halving, grid: Sequence[Candidate], losses: Mapping[int, float | None]) -> list[int]:
    """Return the places of the settings that go on. Of equal losses the smaller learning rate comes first."""
    known = [(loss, grid[place].learning_rate, place) for place, loss in losses.items() if loss is not None]
    return sorted(place for _, _, place in sorted(known)[: halving.num_kept(len(losses))])
