"""A whole data set of the hub, read through the package datasets."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from paretune.spec import InputError, one_line
from paretune.tasks.rows import Row

HUB_PREFIX = "hf:"
_FORM = "hf:NAME@REVISION, or hf:NAME@REVISION:CONFIGURATION"
_HUB = re.compile(r"hf:(?P<name>[\w.-]+(?:/[\w.-]+)?)@(?P<revision>[\w.-]+)(?::(?P<config>[\w.-]+))?", re.ASCII)


def hub_rows(source: str) -> Iterator[tuple[str, Row]]:
    """Yield each split's rows with its name; labels are named by their words, images are files. Raises `InputError`.

    A revision is asked for, because a data set without one is another tomorrow.
    """
    parts = _HUB.fullmatch(source)
    if parts is None:
        raise InputError(f'data "{source}": write {_FORM}; a revision is a commit, a tag or a branch such as main')
    for split, loaded in _loaded(source, parts).items():
        rows = _undecoded(loaded)
        classes = {name: one.names for name, one in rows.features.items() if hasattr(one, "names")}
        for number, row in enumerate(rows, 1):
            yield split, Row(number, _named(row, classes))


def _loaded(source: str, parts: re.Match[str]) -> Mapping[str, Any]:
    try:
        import datasets
    except ImportError:
        raise InputError(
            f'data "{source}": reading it needs the package datasets; run pip install "paretune[datasets]", or name '
            "one of its files: hub:NAME@REVISION:FILE"
        ) from None
    try:
        loaded: Mapping[str, Any] = datasets.load_dataset(parts["name"], parts["config"], revision=parts["revision"])
    except Exception as error:  # the package passes on the errors of many others
        raise InputError(
            f'data "{source}": cannot be had from the hub: {one_line(error)[:200]}; check name, revision and network'
        ) from error
    return loaded


def _undecoded(rows: Any) -> Any:
    """Return rows with images as they are stored, `{"bytes": ..., "path": ...}`, in place of Pillow's images."""
    for name in [name for name, one in rows.features.items() if type(one).__name__ == "Image"]:
        from datasets import Image

        rows = rows.cast_column(name, Image(decode=False))
    return rows


def _named(row: Mapping[str, Any], classes: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return a row with the names of its classes in place of their numbers; -1 stands for no label."""
    named = {
        column: (names[row[column]] if row[column] is not None and row[column] >= 0 else None)
        for column, names in classes.items()
    }
    return {**row, **named}
