"""The batches of several trials as one: each trial's own batches in its own order, one below the other."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from paretune.engine.batches import Batch


class PackedBatch(NamedTuple):
    """Prompts with answers of several trials, one trial below the other. The training loop takes it as a batch."""

    rows: Batch
    """All rows, padded to the longest."""
    members: tuple[int, ...]
    """The trials, by their numbers, in the order of their rows."""
    sizes: tuple[int, ...]
    """Rows of each."""
    terms: tuple[int, ...]
    """Loss terms of each."""
    terms_of_step: tuple[int, ...]
    """Loss terms of each in all batches of the same optimizer step."""
    num_terms: int = 1
    """One: the losses of the trials are means already, see `paretune.engine.packing.train`."""

    def to(self, device: torch.device) -> "PackedBatch":
        """Return the batch on another device."""
        return self._replace(rows=self.rows.to(device))

    def own(self) -> Iterator[tuple[int, Batch]]:
        """Yield each trial's number with its own rows."""
        parts = zip(*(torch.split(tensor, list(self.sizes)) for tensor in self.rows), strict=True)
        for member, part in zip(self.members, parts, strict=True):
            yield member, Batch(*part)


LossesOf = Callable[[nn.Module, PackedBatch], Sequence[Tensor]]
"""Returns for each trial of the batch what the objective gives for its own rows: scalars."""


def packed_batches(
    streams: Sequence[Iterator[Batch]], batches_per_step: int, active: Callable[[], Sequence[int]]
) -> Iterator[PackedBatch]:
    """Yield joined batches without end, for each step from the trials that are active when it begins."""
    while True:
        members = tuple(active())
        drawn = [list(islice(streams[member], batches_per_step)) for member in members]
        terms_of_step = tuple(sum(batch.num_terms for batch in batches) for batches in drawn)
        for parts in zip(*drawn, strict=True):
            yield packed(members, parts, terms_of_step)


def joined(batches: Sequence[Batch], extra: int = 0) -> Batch:
    """Return the rows of right-padded batches as one, `extra` columns wider than the longest needs.

    What is added is masked, so that any token will do.
    """
    width = max(batch.input_ids.shape[1] for batch in batches) + extra
    wider = [Batch(*(pad(tensor, (0, width - tensor.shape[1])) for tensor in batch)) for batch in batches]
    return Batch(*(torch.cat(tensors) for tensors in zip(*wider, strict=True)))


def packed(members: Sequence[int], parts: Sequence[Batch], terms_of_step: Sequence[int], extra: int = 0) -> PackedBatch:
    """Return one batch of each trial as rows of one batch."""
    sizes, terms = (len(part.input_ids) for part in parts), (part.num_terms for part in parts)
    return PackedBatch(joined(parts, extra), tuple(members), tuple(sizes), tuple(terms), tuple(terms_of_step))
