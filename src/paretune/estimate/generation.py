"""Answering questions with fake tensors: the first tokens are run, and the rest follow from them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor, nn

from paretune.engine import answer
from paretune.kinds import Workload
from paretune.measure import StorageLog, count_memory
from paretune.models.toy import toy_tokenizer

_RUN_TOKENS = 5
"""Tokens that are generated one by one. Reading the question gives the first."""
_WRITTEN_PASSES = 24
"""Passes that are written down of all that follow: evenly spread, so that the allocator sees the cache grow, and the
last two, which hold most."""


class Questions(NamedTuple):
    """A batch of questions of equal length."""

    batch_size: int
    prompt_length: int
    """Tokens; more where a picture takes more."""
    new_tokens: int


class _Event(NamedTuple):
    """One event of a pass. Storages are named by the pass and the place in it in which they came."""

    passes_ago: int | None
    """0 for a storage of this pass, 1 for one of the pass before; None for one that was always there."""
    place: int
    """The event in which the storage came; its number in the log where it was always there."""
    change_bytes: int
    kind: int
    ends: bool
    """Whether the storage dies with it."""


def generation_log(model: nn.Module, questions: Questions, workload: Workload, base: Sequence[Tensor]) -> StorageLog:
    """Return what answering the questions does to memory.

    Each token after the first is a pass of its own, which differs from the one before in the length of the cache alone.
    So a few are run, and the others are written down from the last two. Raises `ValueError` where those two do not run
    the same course.
    """
    assert workload.question is not None, "asked of kinds that generate"
    tokenizer = toy_tokenizer()
    prompts = [workload.question(questions.prompt_length)] * questions.batch_size
    num_tokens = min(questions.new_tokens, _RUN_TOKENS)

    def run() -> None:
        answer(
            model,
            tokenizer,
            prompts,
            max_new_tokens=num_tokens,
            min_new_tokens=num_tokens,
            batch_size=questions.batch_size,
        )

    log = count_memory(model, run, base=base, logits_width=workload.logits_width)
    return with_more_passes(log, questions.new_tokens - num_tokens)


def with_more_passes(log: StorageLog, num_passes: int) -> StorageLog:
    """Return the log as if its last forward pass had been followed by more of them, every storage growing evenly.

    Of many passes only some are written down, the last two among them, so that the most that is alive is exact.
    """
    if num_passes <= 0:
        return log
    starts = [mark.position for mark in log.marks if mark.name == "forward"]
    first, second, third = starts[-3:]
    earlier, later = _events(log, first, second), _events(log, second, third)
    if [event[:2] + event[3:] for event in earlier] != [event[:2] + event[3:] for event in later]:
        raise ValueError("two passes for a single token do not allocate the same tensors")
    return _continued(log, earlier, later, starts[-1], _spread(num_passes + 1))


def _spread(last: int) -> list[int]:
    """Return numbers from 1 to `last`: all of them, or evenly spread ones and the last two."""
    spread = np.linspace(1, last, num=min(last, _WRITTEN_PASSES)).round().astype(int).tolist()
    return sorted({*spread, max(1, last - 1), last})


def _events(log: StorageLog, start: int, stop: int) -> list[_Event]:
    """Return the events of one pass, with storages named so that passes can be compared."""
    length = stop - start
    highest = np.maximum.accumulate(log.storage)  # storages are numbered in the order in which they come
    born: dict[int, int] = {}
    for position in range(max(0, start - length), stop):
        born.setdefault(int(log.storage[position]), position)
    last_event = dict(zip(log.storage.tolist(), range(len(log.storage)), strict=True))
    events = []
    for position in range(start, stop):
        number = int(log.storage[position])
        came = born[number] if np.searchsorted(highest, number) >= start - length else -1
        if came < 0:
            name: tuple[int | None, int] = None, number
        elif came >= start:
            name = 0, came - start
        else:
            name = 1, came - (start - length)
        change, ends = int(log.change_bytes[position]), last_event[number] == position
        events.append(_Event(*name, change, int(log.kind[number]), ends and change < 0))
    return events


def _continued(
    log: StorageLog, earlier: Sequence[_Event], later: Sequence[_Event], last_start: int, passes: Sequence[int]
) -> StorageLog:
    """Return the log up to its last pass, and then `passes` after the one before it, written down from two of them."""
    length = len(later)
    storage = log.storage[:last_start].tolist()
    change = log.change_bytes[:last_start].tolist()
    kinds = log.kind[: int(log.storage[:last_start].max()) + 1].tolist()
    before = dict(enumerate(storage[last_start - length : last_start]))
    alive = np.bincount(log.storage[:last_start], weights=log.change_bytes[:last_start]).astype(np.int64).tolist()
    for ahead in passes:
        names: dict[int, int] = {}
        for place, (event, sooner) in enumerate(zip(later, earlier, strict=True)):
            if event.passes_ago is None:
                number = event.place
            elif event.passes_ago == 1:
                number = before[event.place]
            elif event.place == place:
                number = len(kinds)
                kinds.append(event.kind)
                alive.append(0)
            else:
                number = names[event.place]
            grown = event.change_bytes + ahead * (event.change_bytes - sooner.change_bytes)
            changed = -alive[number] if event.ends else grown
            alive[number] += changed
            names[place] = number
            storage.append(number)
            change.append(changed)
        before = names
    return StorageLog(
        storage=np.array(storage, dtype=np.int64),
        change_bytes=np.array(change, dtype=np.int64),
        kind=np.array(kinds, dtype=np.int8),
        marks=tuple(mark for mark in log.marks if mark.position <= last_start),
    )
