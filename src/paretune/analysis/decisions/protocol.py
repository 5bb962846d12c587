"""Why rows may not be compared: another base model, another recipe, another machine."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from paretune.analysis.table.selection import View
from paretune.spec import InputError, Recipe, Record, Study, Unit

_Reader = Callable[[Record], Hashable]
_NAMES = 5
"""Number of rows that are named where something differs."""


def protocol_conflicts(view: View, metrics: Sequence[str]) -> list[str]:
    """Return how the settings of a view's rows differ as far as these metrics go, a clause each.

    Only trials that ended well count. Base model, recipe, device, platform and, of our own results, package versions
    must agree; threads and trials at once too where a metric is a duration. Of each setting, the rows that differ from
    most others are named. What the study declares as a method's own recipe is no conflict: see `departures`.
    """
    declared = _declared(view.study)
    readers: dict[str, _Reader] = {"base model": attrgetter("trial.base")}
    readers |= {f"recipe.{field}": _shared_field(field, declared) for field in _recipe_fields(view, declared)}
    readers |= {"device": _provenance("device"), "platform": _provenance("platform"), "package versions": _packages}
    if any(view.table[metric].unit is Unit.SECONDS for metric in metrics):
        readers["number of threads"] = _provenance("num_threads")
        readers["number of trials at once"] = _provenance("concurrent_workers")
    clauses = (_clause(view, name, read) for name, read in readers.items())
    return [clause for clause in clauses if clause]


def departures(view: View) -> list[str]:
    """Return in which settings rows have a recipe of their own that the study declares for their method, a clause each.

    "quantisation = nf4 for qlora (shared: none)". They are compared, since it is what was asked for; a difference
    between them is one of these recipes as much as of the methods.
    """
    declared = _declared(view.study)
    together: dict[tuple[str, str], list[str]] = {}
    for row in view.rows:
        record = row.records[0]
        for field, shared in _departures(declared, record).items():
            own = f"{field} = {_text(getattr(record.trial.recipe, field))}"
            together.setdefault((own, f"(shared: {_text(shared)})"), []).append(view.name_of(row))
    return [f"{own} for {_some(names)} {shared}" for (own, shared), names in together.items()]


def refuse_conflicts(view: View, metrics: Sequence[str], *, across: bool) -> list[str]:
    """Return what sets the rows of a view apart and is compared all the same: departures, and what was asked for.

    Raises `InputError`, saying what differs, where rows differ otherwise and a comparison was not asked for.
    """
    conflicts = protocol_conflicts(view, metrics)
    if conflicts and not across:
        reasons = "; ".join(conflicts)
        raise InputError(
            f"these results were recorded under different settings: {reasons}; add --across to compare them anyway"
        )
    own = [f"A method's own recipe, as the study declares it: {departure}." for departure in departures(view)]
    return [*(f"Recorded under different settings: {conflict}." for conflict in conflicts), *own]


def _text(value: Hashable) -> str:
    return "none" if value is None else str(value)


class _Declared(NamedTuple):
    """The recipes of a study's method."""

    shared: Recipe
    own: Recipe
    """With what the study sets for the method alone."""


def _declared(study: Study | None) -> dict[str, _Declared]:
    """Return the recipes of each method to which the study gives one of its own, by label."""
    if study is None:
        return {}
    labelled = [(entry.row_label, entry.recipe) for entry in study.methods if entry.recipe]
    return {
        label: _Declared(study.recipe, study.recipe.with_changes(changes, f'method "{label}"'))
        for label, changes in labelled
    }


def _recipe_fields(view: View, declared: Mapping[str, _Declared]) -> Iterable[str]:
    """Return the fields of the recipe that rows may differ in: none where all are equal and none is declared."""
    recipes = {record.trial.recipe for row in view.rows for record in row.records}
    alike = len(recipes) < 2 and not any(row.method in declared for row in view.rows)
    return () if alike else Recipe.model_fields


def _departures(declared: Mapping[str, _Declared], record: Record) -> dict[str, Hashable]:
    """Return the shared values of the fields in which a record departs from them as the study declares."""
    if record.trial.method.label not in declared:
        return {}
    shared, own = (one.for_examples(record.num_train_examples) for one in declared[record.trial.method.label])
    made = record.trial.recipe
    return {
        field: getattr(shared, field)
        for field in Recipe.model_fields
        if getattr(shared, field) != getattr(own, field) == getattr(made, field)
    }


def _shared_field(field: str, declared: Mapping[str, _Declared]) -> _Reader:
    """Return what reads a field of the recipe: the shared value where a departure of the method is declared."""

    def read(record: Record) -> Hashable:
        own: Hashable = getattr(record.trial.recipe, field)
        return _departures(declared, record).get(field, own)

    return read


def _provenance(field: str) -> _Reader:
    return lambda record: getattr(record.provenance, field) if record.provenance else None


def _packages(record: Record) -> Hashable:
    """Return the versions of packages. Of imported results there are none: their source compares them all."""
    if record.provenance is None or record.imported is not None:
        return None
    return tuple(sorted(record.provenance.packages.items()))


def _clause(view: View, what: str, read: _Reader) -> str:
    """Return who was made with another WHAT than most, as a clause, or an empty string where all agree."""
    ended = {view.name_of(row): [one for one in row.records if one.outcome.kind == "ok"] for row in view.rows}
    values = {name: tuple(dict.fromkeys(map(read, records))) for name, records in ended.items() if records}
    found = list(values.values())
    if len(set(found)) <= 1 and all(len(value) == 1 for value in found):
        return ""
    counts = Counter(found)
    usual = next((value for value in counts if len(value) == 1 and 2 * counts[value] > len(found)), None)
    if usual is None:
        return f"different {what}: {_some(values)}"
    return f"another {what} for {_some(name for name, value in values.items() if value != usual)}"


def _some(names: Iterable[str]) -> str:
    """Return the first few names, and how many more there are."""
    found = sorted(names)
    more = f" and {len(found) - _NAMES} more" if len(found) > _NAMES else ""
    return f"{', '.join(found[:_NAMES])}{more}"
