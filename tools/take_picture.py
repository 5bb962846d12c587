"""Takes the picture that the README shows: chart and table of the page of the word-problems example.

    python tools/take_picture.py

Needs Chromium and Pillow. The page is made anew from the kept records, so that the picture shows today's words.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

ROOT = Path(__file__).parents[1]
WIDTH, TOP, BOTTOM = 1280, 530, 1580
"""Pixels: the width of the window, and what is kept of its height, from the chart to the first rows of the table."""


def main() -> None:
    """Write docs/images/page.png."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no Chromium here")
    with TemporaryDirectory() as folder:
        page, shot = Path(folder, "page.html"), Path(folder, "shot.png")
        study = ROOT / "docs" / "examples" / "word-problems"
        subprocess.run([sys.executable, "-m", "paretune", "page", str(study), "-o", str(page)], check=True)
        window = f"--window-size={WIDTH},{BOTTOM}"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", window, f"--screenshot={shot}"]
        subprocess.run([browser, *options, page.as_uri()], check=True, stderr=subprocess.DEVNULL)
        picture = Image.open(shot).convert("RGB").crop((0, TOP, WIDTH, BOTTOM))
        picture.quantize(128).save(ROOT / "docs" / "images" / "page.png", optimize=True)


if __name__ == "__main__":
    main()
