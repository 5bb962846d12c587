"""Reads the result files of peft's method comparison into stores, one for each of their tasks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from paretune.interop.importers.peft_result import read_result
from paretune.interop.importers.peft_settings import recipe_departures
from paretune.interop.peft_layout import BENCHMARKS, SOURCE
from paretune.spec import InputError, MethodEntry, Record, Study, TaskEntry
from paretune.store.document import read_object
from paretune.store.folder import Store

_FOLDERS = ("results", "cancelled_results")
"""Of a task's folder. Their third, `temporary_results`, holds trial runs of branches: name it to have it."""


class Imports(NamedTuple):
    """What was read into one store."""

    folder: Path
    num_new: int
    num_known: int
    """Results that were in the store already."""


def import_peft_comparison(source: str | Path, folder: str | Path) -> list[Imports]:
    """Read every result under `source` into stores under `folder`, one for each task and base model.

    `source` is a checkout's `method_comparison`, the folder of one task, a folder of result files, or one such file.
    Raises `InputError` where nothing is found or a file is not theirs.
    """
    found: dict[tuple[str, str], list[Record]] = {}
    for path in _files(Path(source)):
        benchmark, record = read_result(read_object(path), str(path))
        found.setdefault((benchmark.folder, record.trial.base_model), []).append(record)
    if not found:
        raise InputError(f"{source}: no result files; give the folder method_comparison of a checkout of peft")
    tasks = [task for task, _ in found]
    imports = []
    for (task, base_model), records in found.items():
        name = records[0].trial.task.name
        if tasks.count(task) > 1:
            name += f"-{_short_name(base_model)}"
        imports.append(_keep(Store(Path(folder) / name), _study(name, task, records), records))
    return imports


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; give the folder method_comparison of a checkout of peft")
    tasks = [source / benchmark.folder for benchmark in BENCHMARKS if (source / benchmark.folder).is_dir()]
    for task in tasks or [source]:
        folders = [task / name for name in _FOLDERS if (task / name).is_dir()]
        for folder in folders or [task]:
            yield from sorted(folder.glob("*.json"))


def _keep(store: Store, study: Study, records: Sequence[Record]) -> Imports:
    """Append the records that are not there yet, in the order in which they were made."""
    num_new = 0
    with store.open_for_study(study):
        for record in sorted(records, key=lambda one: one.started_at):
            attempt = store.next_attempt(record.trial_id)
            earlier = [store.attempt(record.trial_id, number) for number in range(1, attempt)]
            if any(one == record.model_copy(update={"attempt": one.attempt}) for one in earlier):
                continue
            store.append(record.model_copy(update={"attempt": attempt}), None)
            num_new += 1
    return Imports(store.folder, num_new, len(records) - num_new)


def _study(name: str, task: str, records: Sequence[Record]) -> Study:
    """Return the study that these records would belong to. Its recipe is the commonest; departures are the methods'."""
    recipe = Counter(record.trial.recipe for record in records).most_common(1)[0][0]
    entries: dict[str, MethodEntry] = {}
    for record in sorted(records, key=lambda one: one.trial.method.label):
        trial = record.trial
        entry = MethodEntry(
            name=trial.method.name,
            label=trial.method.label,
            learning_rate=trial.learning_rate,
            parameters=trial.method.parameters,
            recipe=recipe_departures(trial.recipe, recipe),
        )
        entries.setdefault(trial.method.label, entry)
    return Study(
        name=name,
        description=f"Imported from {SOURCE}, {task}: one seed and one learning rate a row.",
        base_model=records[0].trial.base_model,
        tasks=(TaskEntry(name=records[0].trial.task.name),),
        methods=tuple(entries.values()),
        seeds=tuple(sorted({record.trial.seed for record in records})),
        recipe=recipe,
    )


def _short_name(base_model: str) -> str:
    return base_model.partition("@")[0].rpartition("/")[2]
