"""The study that options describe, written into its folder as a file to edit and to run again."""

from pathlib import Path

from rich.console import Console

from paretune.report.format import plain
from paretune.spec import InputError, Study
from paretune.spec.study_file import study_toml
from paretune.store import Store
from paretune.store.atomic import refusing, write_whole

STUDY_FILE = "study.toml"
_HEADER = "# Written by paretune run. Edit it, and run it again with: paretune run "


def folder_for(file: Path | None, study: Study) -> Path:
    """Return the folder of a study's results: next to a file that `keep_study_file` wrote, otherwise results/NAME."""
    if file is not None and file.name == STUDY_FILE and file.read_text(encoding="utf-8").startswith(_HEADER):
        return file.parent
    return Path("results") / study.name


def kept_study(folder: Path) -> Study | None:
    """Return the study in a folder's file; None where there is no file. Raises `InputError` as `Study.from_toml`."""
    path = folder / STUDY_FILE
    return Study.from_toml(path) if path.exists() else None


def keep_study_file(study: Study, folder: Path, console: Console) -> None:
    """Write a study into its folder as TOML, and say so in one line.

    A file that was edited since the last run is left as it is. Raises `InputError` when the file cannot be written.
    """
    path = folder / STUDY_FILE
    earlier = kept_study(folder)
    if earlier is not None and earlier not in (study, Store(folder).study()):
        _say(console, f"{path} describes another study than these options; it is left as it is")
        return
    try:
        text = study_toml(study)
    except InputError as error:
        _say(console, f"The study is not written as a file: {error}")
        return
    with refusing(folder, "free space, then run again"):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, f"{_HEADER}{path}\n{text}".encode())
    _say(console, f"Study file: {path}")


def _say(console: Console, text: str) -> None:
    console.print(plain(text), highlight=False, markup=False, soft_wrap=True)
