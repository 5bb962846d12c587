"""The images of data: where a row's image lies, whether it can be read, and the row without it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from paretune.spec import ImagesReport, InputError, one_line
from paretune.tasks.data.content import Content, turns_text
from paretune.tasks.data.read import SourceRow
from paretune.tasks.data.values import Dropped, parsed
from paretune.tasks.pictures import PictureSize, picture_size

IMAGE_MARK = "<image>"
"""Stands for an image in the texts of many data sets, as those in the form of LLaVA."""
_SHOWN_CHARACTERS = 200


class RowImage(NamedTuple):
    """The image of a row."""

    digest: str
    """SHA-256 of its file."""
    path: str | None
    """Where its file lies; None where the data holds it."""
    data: bytes | None
    """The file, where the data holds it."""


def without_image(columns: Mapping[str, Any], column: str) -> dict[str, Any]:
    """Return the columns of a row, nested ones as `outer.inner`, without the one that holds the image.

    The places of images in messages, `{"type": "image"}`, are marks in their text.
    """
    others = (name for name in columns if name != column and not name.startswith(f"{column}."))
    return {name: _with_marks(columns[name]) for name in others}


def picture_of(image: RowImage, place: str) -> bytes:
    """Return the file of an image. Raises `InputError` where it is no longer what it was when the data was read."""
    if image.data is not None:
        return image.data
    path = Path(str(image.path))
    data = _content_of(path, place)
    if _digest(data) != image.digest:
        raise InputError(f"{place}: {path} changed since the data was read; run the study again")
    return data


class RowImages:
    """Finds the images of rows, and looks at every file once."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._files: dict[Path, str] = {}
        """Digests of the files that were read."""
        self._sizes: dict[str, PictureSize] = {}
        """Of the different images, by their digests."""
        self._num_bytes = 0

    def of(self, row: SourceRow, columns: Mapping[str, Any]) -> RowImage:
        """Return the image of a row, with its `columns`, nested ones as `outer.inner`.

        Raises `Dropped` for a row that has none, and `InputError`, opening with the row and the column, for several in
        one row, for a file that lies elsewhere than in the folder of the data, and for what cannot be read as an image.
        """
        where = f'{row.place}, column "{self._column}"'
        value = _one_of(_value_in(columns, self._column), where)
        path, data = value.get("path"), value.get("bytes")
        if isinstance(data, bytes):
            return RowImage(self._checked(data, where), None, data)
        if data is not None or not isinstance(path, str):
            raise InputError(f"{where}: holds neither the bytes nor the path of an image file")
        found = _located(path, row.folder, where)
        if found not in self._files:
            self._files[found] = self._checked(_content_of(found, where), f"{where}: {_short(path)}")
        return RowImage(self._files[found], str(found), None)

    @property
    def report(self) -> ImagesReport:
        """How many different images there are, and how large. At least one was looked at."""
        by_area = sorted(self._sizes.values(), key=lambda size: (size.width * size.height, size))
        return ImagesReport(
            num_different=len(by_area),
            num_bytes=self._num_bytes,
            smallest=by_area[0],
            median=by_area[len(by_area) // 2],
            largest=by_area[-1],
        )

    def _checked(self, data: bytes, where: str) -> str:
        digest = _digest(data)
        if digest not in self._sizes:
            self._sizes[digest] = picture_size(data, where)
            self._num_bytes += len(data)
        return digest


def with_image(content: Content, image: RowImage, otherwise: str, place: str) -> Content:
    """Return a row's content with its image, and without the mark that stands for it in a question.

    The question `otherwise` is asked where nothing but a mark was. Raises `InputError` for a row with several marks,
    and for one outside of questions.
    """
    texts = [one.content for one in content.messages] or [content.prompt, content.completion]
    number = sum(text.count(IMAGE_MARK) for text in texts)
    if not number:
        return content._replace(image=image.digest)
    if not content.messages:
        content = content._replace(prompt=_unmarked(content.prompt, otherwise), image=image.digest)
        left = content.completion
    else:
        messages = tuple(
            one._replace(content=_unmarked(one.content, otherwise)) if one.role == "user" else one
            for one in content.messages
        )
        content = content._replace(prompt=turns_text(messages[:-1]), messages=messages, image=image.digest)
        left = "".join(one.content for one in messages)
    if number > 1 or IMAGE_MARK in left:
        raise InputError(f"{place}: {IMAGE_MARK} stands for the one image of a row, once, in a question")
    return content


def _with_marks(value: Any) -> Any:
    """Return messages with a mark for each part that is the place of an image; other values as they are."""
    if not isinstance(value, list) or not value or not isinstance(value[0], Mapping):
        return value
    return [
        {**one, "content": [_part_with_mark(part) for part in one["content"]]}
        if isinstance(one, Mapping) and isinstance(one.get("content"), list)
        else one
        for one in value
    ]


def _part_with_mark(part: Any) -> Any:
    filled = {name: value for name, value in part.items() if value is not None} if isinstance(part, Mapping) else {}
    filled.pop("index", None)  # as trl writes it
    return {"type": "text", "text": IMAGE_MARK} if filled == {"type": "image"} else part


def _unmarked(text: str, otherwise: str) -> str:
    if IMAGE_MARK not in text:
        return text
    return "\n".join(filter(None, (part.strip() for part in text.split(IMAGE_MARK)))) or otherwise


def _value_in(columns: Mapping[str, Any], column: str) -> Any:
    """Return what a column holds, of an object what counts in it."""
    if column in columns:
        return columns[column]
    parts = {part: columns.get(f"{column}.{part}") for part in ("bytes", "path")}
    return None if all(value is None for value in parts.values()) else parts


def _one_of(value: Any, where: str) -> Mapping[str, Any]:
    """Return a row's one image as `bytes` and `path`, of which one is there."""
    if isinstance(value, str) and value.lstrip().startswith("[") and isinstance(listed := parsed(value), list):
        value = listed
    if isinstance(value, list | tuple):
        if len(value) > 1:
            raise InputError(f"{where}: {len(value)} images in one row; one is shown with each question")
        value = value[0] if value else None
    if value is None or (isinstance(value, str | bytes) and not value.strip()):
        raise Dropped("no image")
    if isinstance(value, Mapping):
        return value
    return {"bytes" if isinstance(value, bytes) else "path": value}


def _located(path: str, folder: Path | None, where: str) -> Path:
    """Return where the file of an image lies. Raises `InputError` for one outside of the data's folder."""
    shown = _short(path)
    if folder is None:
        raise InputError(
            f"{where}: {shown} is a path, and of a data set on the hub images are read that it holds as bytes; "
            "download it, and give its folder"
        )
    if "://" in path:
        raise InputError(f"{where}: {shown} is an address; download the images into the folder of the data")
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise InputError(f"{where}: {shown} must be a path inside {folder}, relative to it; copy the images there")
    found = folder / path
    if not _resolved(found).is_relative_to(_resolved(folder)):
        raise InputError(f"{where}: {shown} is a link that leads out of {folder}; copy the images there")
    return found


def _resolved(path: Path) -> Path:
    """Return where a path leads to, itself where it leads nowhere: that is told when it is read."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # too long, a link to itself, a null character
        return path.absolute()


def _content_of(path: Path, where: str) -> bytes:
    """Return the content of an ordinary file: reading a pipe or a device might never end."""
    try:
        if path.is_file():
            return path.read_bytes()
        reason = "no such file"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
    raise InputError(f"{where}: no image {_short(str(path))}: {reason}")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _short(path: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in path)
    # The end of a path says which file it is.
    return repr(printable if len(printable) <= _SHOWN_CHARACTERS else f"...{printable[3 - _SHOWN_CHARACTERS :]}")
