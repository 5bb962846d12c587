"""A worker that trains nothing and packs LoRA alone: `python -m tests.execute.quick_packing_worker TOLD.json ...`."""

import sys
from collections.abc import Iterator, Sequence
from typing import SupportsInt

from paretune.execute.events import EventWriter
from paretune.execute.executor import Attempt, Finished
from paretune.execute.worker import main
from paretune.store import Store
from tests.execute.quick_worker import run


def run_packed(
    store: Store,
    attempts: Sequence[Attempt],
    concurrent_workers: SupportsInt,
    listener: EventWriter,
) -> Iterator[Finished]:
    """Yield made-up records, which say whether the pack was to be timed."""
    if attempts[0].trial.method.name != "lora":
        listener.not_packed("a step is no faster")
        return
    for trial, checkpoint, attempt in attempts:
        made = run(trial, checkpoint, attempt=attempt, concurrent_workers=concurrent_workers, listener=listener)
        companions = tuple(one.trial.id for one in attempts if one.trial != trial)
        timed = f"only if faster: {'--only-if-faster' in sys.argv}"
        changes = {"packed_with": companions, "notes": (timed,)}
        yield made._replace(record=made.record.model_copy(update=changes))


if __name__ == "__main__":
    sys.exit(main(run, sys.argv[2:], run_packed=run_packed))
