"""The plan of a tuned study, kept in its folder: which record serves which purpose."""

import json
from collections.abc import Iterable
from pathlib import Path

from paretune.spec import InputError, Record, StudyPlan, by_id
from paretune.store.atomic import refusing, write_whole
from paretune.store.folder import Store, load_records
from paretune.store.records import Records

PLAN_FILE = "plan.json"


def keep_plan(folder: Path, plan: StudyPlan) -> None:
    """Write the plan, at once or not at all. Raises `InputError` when it cannot be written."""
    content = plan.model_dump_json(indent=1).encode()
    path = folder / PLAN_FILE
    if path.exists() and path.read_bytes() == content:
        return
    with refusing(folder, "free space, then run again"):
        write_whole(path, content)


def read_plan(folder: str | Path) -> StudyPlan | None:
    """Return the plan of the study that was last run in a folder; None where that study does not tune.

    Raises `InputError` when a file is damaged.
    """
    study = Store(folder).study()
    path = Path(folder) / PLAN_FILE
    if study is None or study.tuning is None or not path.exists():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); run the study again, which writes it anew") from None
    return StudyPlan.read(value, str(path))


def load_planned_records(folder: str | Path) -> Records:
    """Return the records of the study as it was last planned, as `load_records` does.

    Of a tuned study, trials of an earlier plan are left out: final trials of a setting that is no longer the chosen one
    would otherwise let the test questions choose.
    """
    records = load_records(folder)
    return Records(planned_of(records, read_plan(records.folder)), records.folder)


def planned_of(records: Iterable[Record], plan: StudyPlan | None) -> list[Record]:
    """Return the records whose trials a plan names; all of them where there is no plan."""
    return [record for record in records if plan is None or plan.trial_ids & by_id([record]).keys()]
