"""What a model will see of a person's own data, known before the first step."""

from collections.abc import Iterable

from paretune.execute.data_sets import DataSets
from paretune.kinds import kind_of
from paretune.spec import DataReport, Trial


def data_reports(trials: Iterable[Trial], data: DataSets) -> tuple[DataReport, ...]:
    """Return a report for each task with data of its own among the trials, with the recipe of its first trial.

    `data` is what planning has read already.
    """
    first: dict[str, Trial] = {}
    for trial in trials:
        first.setdefault(trial.task.canonical_json(), trial)
    tasks = ((data.planned(trial.task), trial) for trial in first.values())
    found = (kind_of(task).data_report(task, trial) for task, trial in tasks)
    return tuple(report for report in found if report is not None)
