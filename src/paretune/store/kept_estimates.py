"""Estimates of memory that lie in a study's folder, in a file of their own: a record holds measurements only."""

import json
from collections.abc import Sequence
from pathlib import Path

from paretune.spec import InputError
from paretune.spec.memory import MemoryEstimate
from paretune.store.atomic import refusing, write_whole

ESTIMATES_FILE = "estimates.json"


def keep_estimates(folder: str | Path, found: Sequence[MemoryEstimate]) -> Path:
    """Write estimates into a folder, next to those that are there, and return the file.

    A newer estimate takes the place of one for the same method, model, dtype, quantisation, gradient checkpointing,
    loss chunks, device, batch, length and number of devices.
    Raises `InputError` when the folder is not there, or the file is damaged or cannot be written.
    """
    path = Path(folder) / ESTIMATES_FILE
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder; give the one that was passed to --out")
    kept = {_question(one): one for one in (*read_estimates(folder), *found)}
    content = json.dumps({"estimates": [json.loads(one.model_dump_json()) for one in kept.values()]}, indent=1)
    with refusing(path.parent, "free space, then estimate again"):
        write_whole(path, content.encode())
    return path


def read_estimates(folder: str | Path) -> list[MemoryEstimate]:
    """Return the estimates that are kept in a folder; none where there is no file. Raises `InputError` for damage."""
    path = Path(folder) / ESTIMATES_FILE
    if not path.exists():
        return []
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        entries = value["estimates"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error}); delete it and estimate again") from None
    return [MemoryEstimate.read(entry, str(path)) for entry in entries]


def _question(one: MemoryEstimate) -> tuple[object, ...]:
    """Return what an estimate answers: two with the same are about the same thing."""
    devices = (one.sharded.num_devices, one.sharded.cpu_offload) if one.sharded else None
    weights = one.dtype, one.quantisation, one.gradient_checkpointing, one.loss_chunks or 1
    return one.method, one.model, weights, one.device, one.batch_size, one.sequence_length, devices
