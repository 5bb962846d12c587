"""Why rows may not be compared: another base model, another recipe, another machine."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import attrgetter

from paretune.analysis.selection import View
from paretune.spec import METRICS, InputError, Recipe, Record, Unit

_Reader = Callable[[Record], Hashable]
_NAMES = 5
"""So many rows are named where something differs."""


def protocol_conflicts(view: View, metrics: Sequence[str]) -> list[str]:
    """Return why the rows of a view were not made alike as far as these metrics go, a clause each.

    Only trials that ended well count. Base model, recipe, device, platform and, of our own results, package versions
    must agree; threads and trials at once too where a metric is a duration. Of each setting, the rows that differ from
    most others are named.
    """
    readers: dict[str, _Reader] = {"base model": attrgetter("trial.base")}
    readers |= {f"recipe.{field}": attrgetter(f"trial.recipe.{field}") for field in Recipe.model_fields}
    readers |= {"device": _provenance("device"), "platform": _provenance("platform"), "package versions": _packages}
    if any(METRICS[metric].unit is Unit.SECONDS for metric in metrics):
        readers["number of threads"] = _provenance("num_threads")
        readers["number of trials at once"] = _provenance("concurrent_workers")
    clauses = (_clause(view, name, read) for name, read in readers.items())
    return [clause for clause in clauses if clause]


def refuse_conflicts(view: View, metrics: Sequence[str], *, across: bool) -> list[str]:
    """Return the conflicts of a view where comparing across them was asked for.

    Raises `InputError`, saying what differs, where it was not.
    """
    conflicts = protocol_conflicts(view, metrics)
    if conflicts and not across:
        reasons = "; ".join(conflicts)
        raise InputError(f"these records were not made alike: {reasons}; --across compares them all the same")
    return [f"Not made alike: {conflict}." for conflict in conflicts]


def _provenance(field: str) -> _Reader:
    return lambda record: getattr(record.provenance, field) if record.provenance else None


def _packages(record: Record) -> Hashable:
    """Return the versions of packages. Of imported results there are none: their source compares them all."""
    if record.provenance is None or record.imported is not None:
        return None
    return tuple(sorted(record.provenance.packages.items()))


def _clause(view: View, what: str, read: _Reader) -> str:
    """Return who was made with another WHAT than most, as a clause, or an empty string where all were made alike."""
    ended = {view.name_of(row): [one for one in row.records if one.outcome.kind == "ok"] for row in view.rows}
    values = {name: tuple(dict.fromkeys(map(read, records))) for name, records in ended.items() if records}
    found = list(values.values())
    if len(set(found)) <= 1 and all(len(value) == 1 for value in found):
        return ""
    usual = next((value for value in found if len(value) == 1 and 2 * found.count(value) > len(found)), None)
    if usual is None:
        return f"{what} not alike: {_some(values)}"
    return f"another {what} for {_some(name for name, value in values.items() if value != usual)}"


def _some(names: Iterable[str]) -> str:
    """Return the first few names, and how many more there are."""
    found = sorted(names)
    more = f" and {len(found) - _NAMES} more" if len(found) > _NAMES else ""
    return f"{', '.join(found[:_NAMES])}{more}"
