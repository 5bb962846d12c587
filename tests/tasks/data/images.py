"""Small images of one colour, and data that has them."""

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

NUM_IMAGES = 40


def image(number: int, size: tuple[int, int] = (8, 6), form: str = "PNG", **settings: Any) -> bytes:
    """Return the file of an image that no other number has."""
    sink = io.BytesIO()
    Image.new("RGB", size, (number % 256, 100, number // 256)).save(sink, form, **settings)
    return sink.getvalue()


def image_folder(folder: Path, number: int = NUM_IMAGES, **columns: Any) -> Path:
    """Write a folder as datasets writes one of images, with captions or the columns that are given as functions."""
    columns = columns or {"text": lambda n: f"a square of the colour {n}"}
    folder.mkdir(exist_ok=True)
    rows = []
    for n in range(number):
        (folder / f"{n}.png").write_bytes(image(n))
        rows.append({"file_name": f"{n}.png", **{name: value(n) for name, value in columns.items()}})
    (folder / "metadata.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return folder
