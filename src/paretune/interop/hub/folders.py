"""The folders that are published, as they lie on a disk: the same with and without an upload."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from paretune.interop.hub.cards import MODEL_CARDS, RESULTS_FILE, TAG, Names, dataset_card, space_card
from paretune.interop.hub.local_names import LocalNames
from paretune.interop.hub.model_card import kept_adapters, write_model_cards
from paretune.interop.hub.public_store import PublicCopy, write_public_store
from paretune.spec import InputError
from paretune.store import Store
from paretune.store.atomic import refusing, write_whole
from paretune.store.query import records_table

SPACE, DATASET = "space", "dataset"
"""What the folders are called."""
_README = "README.md"


class Wanted(NamedTuple):
    """What is published of a study's folder."""

    names: Names
    local: LocalNames
    """What is taken out of records and study."""
    own_data: bool = False
    """Whether texts of tasks on a person's own data are published too."""
    model_cards: bool = False


Page = Callable[[Path, PublicCopy], str]
"""Makes the page as HTML from the folder of the copy and what is known of it."""


def write_folders(source: Store, target: Path, wanted: Wanted, page: Page) -> PublicCopy:
    """Write the folders `space` and `dataset` into `target`, in place of those of an earlier call.

    Raises `InputError` for a folder without records, for a target that holds anything else, and for one that cannot
    be written; then the target is as it was.
    """
    with refusing(target, "choose another folder with -o"):
        target.parent.mkdir(parents=True, exist_ok=True)
        earlier = _earlier(target)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
            made = Path(temporary)
            copy = _write(source, made / SPACE, made / DATASET, wanted, page)
            for folder in earlier:
                shutil.rmtree(folder)
            target.mkdir(exist_ok=True)
            for name in (SPACE, DATASET):
                (made / name).rename(target / name)
    return copy


def _write(source: Store, space: Path, dataset: Path, wanted: Wanted, page: Page) -> PublicCopy:
    copy = write_public_store(source, dataset, wanted.local, own_data=wanted.own_data)
    adapters = kept_adapters(source, copy.records) if wanted.model_cards else []
    if wanted.model_cards and not adapters:
        place = source.folder / "adapters"
        raise InputError(f"--model-card: {place} holds no adapter of a final trial; leave --model-card out")
    write_model_cards(adapters, copy.study.name, wanted.names, dataset / MODEL_CARDS)
    columns = _write_results(copy, dataset / RESULTS_FILE)
    text = dataset_card(copy, wanted.names, columns, model_cards=bool(adapters))
    write_whole(dataset / _README, text.encode())
    space.mkdir()
    write_whole(space / "index.html", page(dataset, copy).encode())
    write_whole(space / _README, space_card(copy, wanted.names).encode())
    return copy


class Size(NamedTuple):
    """A file of a published folder, or all files of a folder in it."""

    name: str
    num_files: int
    num_bytes: int


def sizes(folder: Path) -> list[Size]:
    """Return what a folder holds: each file in it, and each folder in it with the number of its files."""
    found = []
    for path in sorted(folder.iterdir()):
        files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
        name = f"{path.name}/" if path.is_dir() else path.name
        found.append(Size(name, len(files), sum(one.stat().st_size for one in files)))
    return found


def _earlier(target: Path) -> list[Path]:
    """Return the folders of an earlier call. Raises `InputError` where the target holds anything else."""
    there = sorted(target.iterdir()) if target.exists() else []
    others = [path.name for path in there if path.name not in {SPACE, DATASET} or not _is_ours(path)]
    if others:
        raise InputError(f"{target}: holds other files ({', '.join(others[:3])}); choose a new folder with -o")
    return there


def _is_ours(folder: Path) -> bool:
    """Tell whether a folder was written here: its card has our tag."""
    readme = folder / _README
    head = readme.read_text(encoding="utf-8").partition("\n---\n")[0] if readme.is_file() else ""
    return f"\n- {TAG}\n" in f"{head}\n"


def _write_results(copy: PublicCopy, path: Path) -> Sequence[str]:
    """Write a row for each trial with what was measured in any of them, and return the columns."""
    import pyarrow.parquet

    table = records_table(copy.records)
    columns = [name for name in table.column_names if table.column(name).null_count < len(table)]
    pyarrow.parquet.write_table(table.select(columns), path, compression="zstd")
    return columns
