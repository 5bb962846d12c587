"""Tasks in pictures: examples, and where their files come from."""

import hashlib
import io
import json
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paretune.spec import DIFFUSION, InputError, ModelKind, one_line
from paretune.tasks.base import AnyTask, Split
from paretune.tasks.rows import read_rows

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

SHIPPED = "shipped:"
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_CAPTIONS = "metadata.jsonl"
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF")
"""What Pillow may take a file for: for others, such as EPS, it runs further programs."""
_ORIENTATION = 0x0112
_ON_ITS_SIDE = (5, 6, 7, 8)
"""Values of this EXIF tag with which height and width change places."""


class PictureExample(NamedTuple):
    """One picture and what it shows."""

    id: str
    caption: str
    data: bytes
    """The picture's file."""

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the file."""
        return hashlib.sha256(self.data).hexdigest()


class ImageTask(AnyTask):
    """A task that image models are put to: pictures to learn from, and captions to draw.

    Its card declares one metric, the mean cosine of the judge's features of a drawing and of the held-out picture.
    Guarantees every such task gives besides: no picture is in two splits.
    """

    kind: ClassVar[ModelKind] = DIFFUSION
    answers: ClassVar[str] = "images"
    judge: str
    """Reference of the network whose features pictures are compared by."""
    samples_per_prompt: int
    """Images generated for each caption of a split, each from its own noise."""
    drift_captions: Sequence[str]
    """Captions of other things, whose pictures should stay what they were."""
    drift_samples_per_prompt: int
    gallery_captions: Sequence[str]
    """Captions whose pictures are kept to be looked at."""
    gallery_samples_per_prompt: int

    @abstractmethod
    def pictures(self, split: Split) -> Sequence[PictureExample]:
        """Return all pictures of a split. Raises `InputError` for data or options that cannot be used."""


class PictureSize(NamedTuple):
    """Width and height of a picture as it is shown, in pixels."""

    width: int
    height: int


def open_picture(example: PictureExample, source: str) -> "Image":
    """Return a picture in RGB, upright. Raises `InputError`, naming source and picture, for a damaged file."""
    from PIL import Image, ImageOps

    with _decoding(example.data, f"{source}: picture {example.id} cannot be read") as picture:
        upright: Image.Image = ImageOps.exif_transpose(picture)
        return upright.convert("RGB")


def picture_size(data: bytes, where: str) -> PictureSize:
    """Return the size of a picture that is decoded for this once, a JPEG at an eighth of its size, which is fast.

    Raises `InputError`, opening with `where`, for bytes that are no picture, a file that is cut off or damaged, and one
    with more pixels than Pillow takes for safe.
    """
    with _decoding(data, f"{where}: cannot be read as an image") as picture:
        size = PictureSize(*picture.size)
        picture.draft("RGB", (1, 1))
        picture.load()
        return PictureSize(*reversed(size)) if picture.getexif().get(_ORIENTATION) in _ON_ITS_SIDE else size


@contextmanager
def _decoding(data: bytes, refusal: str) -> Iterator["ImageFile"]:
    """Yield Pillow's view of a file. Any error of Pillow's becomes an `InputError`, which opens with `refusal`."""
    from PIL import Image, UnidentifiedImageError

    Image.init()
    known = [name for name in _FORMATS if name in Image.OPEN]  # an earlier Pillow has no AVIF
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=known) as picture:
                yield picture
    except Exception as error:  # what Pillow raises for damaged files depends on the format
        unknown = isinstance(error, UnidentifiedImageError)
        reason = f"it is none of {', '.join(known)}" if unknown else one_line(error)[:120]
        raise InputError(f"{refusal}: {reason}; replace it or take it out") from None


def read_pictures(source: str, column: str, captions: str | Sequence[str] | None) -> list[PictureExample]:
    """Return the pictures of a folder, of a data file (Parquet, also on the hub), or of `shipped:NAME`.

    Captions are those given, one for all or one for each picture in their order; otherwise those that the folder's
    `metadata.jsonl` has (`{"file_name": ..., "text": ...}`, a picture a line). Raises `InputError` for a source that
    cannot be read, captions that are missing or do not match, and a picture that is there twice.
    """
    found = _from_file(source, column) if _is_file(source) else _from_folder(source, captions is None)
    if captions is not None:
        texts = [captions] * len(found) if isinstance(captions, str) else list(captions)
        if len(texts) != len(found):
            raise InputError(f"{source}: {len(found)} pictures, but {len(texts)} captions; give one caption each")
        found = [one._replace(caption=text) for one, text in zip(found, texts, strict=True)]
    seen: dict[str, str] = {}
    for one in found:
        if (twin := seen.setdefault(one.digest, one.id)) != one.id:
            raise InputError(f"{source}: {one.id} is the same picture as {twin}; take one of them out")
    return found


def _is_file(source: str) -> bool:
    return not source.startswith(SHIPPED) and (source.startswith("hub:") or Path(source).suffix.lower() == ".parquet")


def _from_file(source: str, column: str) -> list[PictureExample]:
    found = []
    for row in read_rows(source):
        value = row.value.get(column)
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise InputError(
                f'{source}, row {row.number}: no picture in column "{column}"; the row has: '
                f"{', '.join(map(str, row.value))}"
            )
        found.append(PictureExample(f"row {row.number}", "", data))
    return found


def _from_folder(source: str, with_captions: bool) -> list[PictureExample]:
    if source.startswith(SHIPPED):
        folder = Path(str(files("paretune.tasks") / "shipped" / source.removeprefix(SHIPPED)))
        if not folder.is_dir():
            known = ", ".join(f"{SHIPPED}{place.name}" for place in sorted(folder.parent.iterdir()))
            raise InputError(f'pictures "{source}": nothing of that name comes with Paretune; there is {known}')
    else:
        folder = Path(source).expanduser()
    if not folder.is_dir():
        raise InputError(f"{source}: no such folder; give the folder that holds the pictures, or a Parquet file")
    texts = _captions(folder) if with_captions else {}
    names = list(texts) or sorted(path.name for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not names:
        raise InputError(f"{source}: no pictures in it ({', '.join(_SUFFIXES)})")
    found = []
    for name in names:
        try:
            found.append(PictureExample(name, texts.get(name, ""), (folder / name).read_bytes()))
        except OSError as error:
            raise InputError(f"{folder / name}: cannot be read: {error.strerror}") from None
    return found


def _captions(folder: Path) -> dict[str, str]:
    """Return the caption of each picture by its file's name, in the order of `metadata.jsonl`."""
    path = folder / _CAPTIONS
    if not path.is_file():
        raise InputError(f"{folder}: no {_CAPTIONS} in it, and the option captions is not given: what do they show?")
    texts: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            name, text = row["file_name"], row["text"]
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f'{path}, line {number}: write {{"file_name": "a.png", "text": "what it shows"}}'
            ) from None
        if not (isinstance(name, str) and isinstance(text, str)) or Path(name).name != name:
            raise InputError(f"{path}, line {number}: file_name must name a file next to it, and text must be text")
        texts[name] = text
    return texts
