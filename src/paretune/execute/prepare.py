"""From a study and the results so far to a run that may begin: `paretune run` and its `--plan` both start here."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from paretune.execute.check import OnCheck, check_trials
from paretune.execute.data_report import data_reports
from paretune.execute.data_sets import DataSets
from paretune.execute.stages import Blueprint, Stages
from paretune.execute.versions import continued
from paretune.methods import resolve
from paretune.models import needs_package, pinned, prefetch
from paretune.spec import (
    Between,
    DataReport,
    InputError,
    InputErrors,
    MethodEntry,
    Problems,
    Reading,
    Record,
    Study,
    Trial,
    TunedValues,
    naming,
)
from paretune.store import Store


class Prepared(NamedTuple):
    """A study that passed all checks, and the records in its folder at that time."""

    study: Study
    blueprint: Blueprint
    reading: Reading
    """How the folder's records are read."""
    results: Mapping[str, Record]
    """Results by trial id."""
    stages: Stages
    """The stages that follow from the results."""
    unavailable: Mapping[str, str]
    """Why methods cannot run here, by label: their trials are recorded as refused."""
    data: tuple[DataReport, ...] = ()
    """What a model will see of a person's own data, where something is to run."""
    unchecked: tuple[str, ...] = ()
    """What could not be checked for a plan, and why: sentences without their full stops."""


def results_in(store: Store, reading: Reading | None = None) -> dict[str, Record]:
    """Return the latest record of every trial that has a result, by trial id. `reading` is by default as it is kept."""
    return {record.trial.id: record for record in store.records(reading) if record.finished}


def pending_trials(trials: Sequence[Trial], results: Mapping[str, Record], *, retry: bool = False) -> list[Trial]:
    """Return the trials that have no result yet, each once; with `retry` also those whose result is not ok."""
    different = {trial.id: trial for trial in trials}
    return [
        trial
        for trial in different.values()
        if trial.id not in results or (retry and results[trial.id].outcome.kind != "ok")
    ]


def prepare(
    study: Study,
    store: Store,
    *,
    retry: bool = False,
    skip_unavailable: bool = False,
    weights: bool = True,
    source: str | None = None,
    on_check: OnCheck | None = None,
) -> Prepared:
    """Check a study as far as it has not run yet, and fetch its base model, with or without `weights`.

    Writes nothing. Raises `InputErrors` with everything that a person has to mend before the first trial can start,
    each behind `source`, the study's file; with `skip_unavailable`, methods that cannot run on this machine or
    base model are not among it. Without `weights`, nor is a tokenizer that is only on a hub that cannot be reached.
    """
    data = DataSets()
    with _at(source):
        study = continued(study, store)
        blueprint = _blueprint(study, data)
    store.check(study, blueprint.num_train_examples)
    found = blueprint.read(store)
    results = found.results
    stages = blueprint.stages(results)
    pending = [trial for stage in stages.stages for trial in pending_trials(stage.trials, results, retry=retry)]
    unavailable: dict[str, str] = {}
    unchecked: list[str] = []
    if pending and weights:
        prefetch(pinned(study.base_model, pending[0].base_content))
    if pending:
        with _at(source):
            wanted = [*pending, *_tuned(blueprint.entries, pending)]
            unavailable = check_trials(
                wanted, on_check, data=data, refuse_unavailable=not skip_unavailable,
                on_skipped=None if weights else unchecked.append,
            )  # fmt: skip
    reports = () if unchecked else data_reports(pending, data)
    return Prepared(study, blueprint, found.reading, results, stages, unavailable, reports, tuple(unchecked))


def _blueprint(study: Study, data: DataSets) -> Blueprint:
    """Return the study's plan. Where it names unknown methods, the problems of the others are raised with them.

    Problems that show only on the base model are not among these where the model would have to be downloaded first.
    """
    try:
        return Blueprint(study, data)
    except InputError as error:
        known = tuple(entry for entry in study.methods if _is_known(entry))
        if not 0 < len(known) < len(study.methods):
            raise
        problems = Problems()
        problems.lines += error.problems
        with problems.collected():
            rest = Blueprint(study.model_copy(update={"methods": known}), data)
            if not needs_package(study.base_model):
                check_trials(rest.stages({}).trials, data=data)
        raise InputErrors(problems.lines) from None


def _is_known(entry: MethodEntry) -> bool:
    try:
        resolve(entry)
    except InputError:
        return False
    return True


def _at(source: str | None) -> AbstractContextManager[None]:
    return nullcontext() if source is None else naming(source)


def _tuned(entries: Mapping[str, MethodEntry], trials: Sequence[Trial]) -> Iterator[Trial]:
    """Yield a trial for each value that a parameter is tuned over, from the entries of the trials' labels."""
    of_each_method = {trial.method.label: trial for trial in trials}
    for label, trial in of_each_method.items():
        for name, values in entries[label].tune.items():
            for value in _ends(values):
                parameters = trial.method.parameters | {name: value}
                yield trial.model_copy(update={"method": trial.method.model_copy(update={"parameters": parameters})})


def _ends(values: TunedValues) -> tuple[Any, ...]:
    return (values.low, values.high) if isinstance(values, Between) else values
