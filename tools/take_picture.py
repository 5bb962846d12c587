"""Takes the picture that the README shows: chart and table of the page of the word-problems example.

    python tools/take_picture.py

Needs Chromium and the development packages. The page is made anew from the kept records, so that the picture shows
today's words.
"""

import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "docs" / "examples" / "word-problems"
_PATIENCE_MS = 600_000
"""A busy machine takes its time to draw the chart."""
WIDTH, MARGIN, GAP, NUM_ROWS = 1280, 24, 10, 5
"""Pixels of the window, above the heading of the chart and above the table; rows of the table that are shown."""


def main() -> None:
    """Write docs/images/page.png: the chart with its heading, and below it the first rows of the table."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder, "page.html")
        subprocess.run([sys.executable, "-m", "paretune", "page", str(STUDY), "-o", str(file)], check=True)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 8000})
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(file.as_uri())
        page.wait_for_selector("#chart svg")
        parts = [
            _part(page, page.locator("#chart-title"), page.locator("#chart"), MARGIN),
            _part(page, page.locator("#results"), page.locator(f"#results tbody tr >> nth={NUM_ROWS - 1}"), GAP),
        ]
        browser.close()
    picture = Image.new("RGB", (WIDTH, sum(part.height for part in parts)))
    for number, part in enumerate(parts):
        picture.paste(part, (0, sum(one.height for one in parts[:number])))
    picture.quantize(128).save(ROOT / "docs" / "images" / "page.png", optimize=True)


def _part(page: Page, first: Locator, last: Locator, margin: int) -> Image.Image:
    """Return what is seen from so many pixels above one element to the end of another, at the width of the window."""
    top = first.evaluate("one => one.getBoundingClientRect().top") - margin
    bottom = last.evaluate("one => one.getBoundingClientRect().bottom")
    shot = page.screenshot(clip={"x": 0, "y": top, "width": WIDTH, "height": bottom - top})
    return Image.open(BytesIO(shot)).convert("RGB")


if __name__ == "__main__":
    main()
