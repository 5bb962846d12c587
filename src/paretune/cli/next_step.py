"""What to run after a table of results."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from paretune.spec import Record
from paretune.store.remote import address_of


def print_next_step(records: Sequence[Record], folder: Path) -> None:
    """Print the command that says which method to use, where a trained method has a result."""
    if any(record.outcome.kind == "ok" and record.trial.method.trains for record in records):
        print(f"Which method to use, and what to run next: paretune recommend {shlex.quote(address_of(folder))}")
