"""The pictures of one trial: small WebP files in a folder of their own, with an index that says what each is."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from paretune.spec import InputError
from paretune.store.atomic import write_whole

Kind = Literal["train", "target", "answer", "gallery", "drift", "base"]
"""A picture that was learnt from; one that was held out; a drawing that is scored against it; one to look at; one of
another caption; and what the base model draws of that."""
_INDEX = "index.json"


class KeptPicture(NamedTuple):
    """One picture, and where it belongs."""

    kind: Kind
    caption: str
    place: int
    """Of the caption or of the picture in its split, from 0."""
    noise: int | None
    """The number of the noise it was drawn from, the same noise for every method; None for a given picture."""
    score: float | None
    """Its similarity or its drift, where it has one."""
    data: bytes
    """WebP."""

    @property
    def name(self) -> str:
        """Return the name of its file."""
        return f"{self.kind}-{self.place:02}{'' if self.noise is None else f'-{self.noise}'}.webp"


def write_pictures(folder: Path, pictures: Sequence[KeptPicture]) -> None:
    """Write the pictures and, last, their index. Raises `OSError` when the disk refuses."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        write_whole(folder / picture.name, picture.data)
    rows = [{"file": one.name, **{key: getattr(one, key) for key in _KEYS}} for one in pictures]
    write_whole(folder / _INDEX, json.dumps(rows, indent=1, ensure_ascii=False).encode())


def read_pictures(folder: Path) -> list[KeptPicture]:
    """Return the pictures in a folder, in the order in which they were kept; none where there is no such folder.

    Raises `InputError` when the index or a picture is damaged or missing.
    """
    path = folder / _INDEX
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        found = [KeptPicture(**{key: row[key] for key in _KEYS}, data=b"") for row in rows]
        if not all(one.kind in get_args(Kind) and type(one.place) is int for one in found):
            raise ValueError("unknown kind of picture")
        if not all(one.noise is None or type(one.noise) is int for one in found):  # it is part of a file's name
            raise ValueError("a noise that is not a number")
        return [one._replace(data=(folder / one.name).read_bytes()) for one in found]
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot be read: {error.strerror}; run with --retry") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error}); delete the folder, its record too, and run again") from None


_KEYS = tuple(field for field in KeptPicture._fields if field != "data")
