"""Images that questions are about, small enough to stand in a page."""

import base64
from collections.abc import Mapping, Sequence

from paretune.tasks import PictureExample, open_picture
from paretune.tasks.thumbnails import small_webp

MOST_BYTES = 1_000_000
"""Of all images of one task on a page, before they are packed. Of more, the first are shown."""


def webp_source(webp: bytes) -> str:
    """Return a WebP file as the source of an image element."""
    return "data:image/webp;base64," + base64.b64encode(webp).decode("ascii")


def image_source(data: bytes) -> str:
    """Return a file as the source of a small image element. Raises `InputError` for a file that is no image."""
    return webp_source(small_webp(open_picture(PictureExample("", "", data), "page")))


def image_sources(images: Mapping[str, bytes], names: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the different images of questions, and of each question the place of its image; -1 where it has none.

    Raises `InputError` for a file that is no image.
    """
    sources: dict[bytes, int] = {}
    found: list[str] = []
    places, num_bytes = [], 0
    for name in names:
        data = images.get(name)
        if data is not None and data not in sources and num_bytes <= MOST_BYTES:
            sources[data] = len(found)
            found.append(image_source(data))
            num_bytes += len(found[-1])
        places.append(-1 if data is None else sources.get(data, -1))
    return found, places
