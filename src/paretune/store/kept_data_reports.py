"""Reports on a study's data, in a file of its folder: what was read, kept, dropped, and what a model sees of it."""

import json
from collections.abc import Sequence
from pathlib import Path

from paretune.spec import DataReport, InputError
from paretune.store.atomic import refusing, write_whole

DATA_FILE = "data.json"


def keep_data_reports(folder: str | Path, reports: Sequence[DataReport]) -> None:
    """Write the reports in place of earlier ones; no reports leave the file as it is.

    Raises `InputError` when it cannot be written.
    """
    if not reports:
        return
    content = json.dumps({"reports": [report.model_dump(mode="json") for report in reports]}, indent=1)
    with refusing(Path(folder), "free space, then run again"):
        write_whole(Path(folder) / DATA_FILE, content.encode())


def read_data_reports(folder: str | Path) -> list[DataReport]:
    """Return the reports that are kept in a folder; none where there is no file. Raises `InputError` for damage."""
    path = Path(folder) / DATA_FILE
    if not path.exists():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["reports"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error}); run the study again, which writes it anew") from None
    return [DataReport.read(entry, str(path)) for entry in entries]
