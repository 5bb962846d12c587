"""Which device the trials of a study ran on, in words."""

from collections.abc import Sequence

from paretune.analysis.decisions.phrases import counted
from paretune.spec import Provenance, Record

_MOST_NAMED = 8


def devices_text(records: Sequence[Record]) -> str:
    """Return the device of these records with its threads; where there are several, which rows and trials had each."""
    methods: dict[str, dict[str, None]] = {}
    tuning: dict[str, int] = {}
    for record in records:
        if record.provenance is None:
            continue
        device = device_of(record.provenance)
        names = methods.setdefault(device, {})
        if record.trial.tunes:
            tuning[device] = tuning.get(device, 0) + 1
        else:
            names[record.trial.method.label] = None
    if len(methods) < 2:
        return "".join(methods)
    return "; ".join(f"{device}: {_trials([*names], tuning.get(device, 0))}" for device, names in methods.items())


def device_of(made: Provenance) -> str:
    """Return a device with its number of threads, where that is known."""
    return made.device if made.num_threads is None else f"{made.device}, {counted(made.num_threads, 'thread')}"


def _trials(methods: Sequence[str], num_tuning: int) -> str:
    """Return rows and trials in words: "lora and oft, and 12 tuning trials"."""
    named = ", ".join(methods) if len(methods) <= _MOST_NAMED else f"{len(methods)} methods"
    parts = [f"final trials of {named}"] if methods else []
    parts += [f"{counted(num_tuning, 'tuning trial')}"] if num_tuning else []
    return " and ".join(parts)
