"""Draw the pictures of the concepts that come with Paretune: python -m benchmarks.image_base.draw_concepts OUT."""

import json
import random
import sys
from pathlib import Path

from benchmarks.image_base.captions import BACKGROUNDS, posed
from benchmarks.image_base.concepts import CONCEPTS

PICTURES_OF_A_BACKGROUND = 3


def main(out: Path) -> None:
    """Write a folder for each concept: PNG files, and their captions in `metadata.jsonl`."""
    for word, (kind, colour) in CONCEPTS.items():
        folder = out / word
        folder.mkdir(parents=True, exist_ok=True)
        draw = random.Random(f"pictures of {word}")
        lines = []
        for background, sheet in BACKGROUNDS.items():
            for number in range(PICTURES_OF_A_BACKGROUND):
                name = f"{background}-{number}.png"
                posed(kind, colour, sheet, draw).save(folder / name, optimize=True)
                lines.append(json.dumps({"file_name": name, "text": f"a {word} on {background}"}))
        (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
