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
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "docs" / "examples" / "word-problems"
_PATIENCE_MS = 600_000
"""A busy machine takes its time to draw the chart."""
WIDTH, MARGIN, NUM_ROWS = 1280, 24, 5
"""Pixels of the window and above the heading of the chart; rows of the table that are shown."""


def main() -> None:
    """Write docs/images/page.png: from the heading of the chart to the first rows of the table."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder, "page.html")
        subprocess.run([sys.executable, "-m", "paretune", "page", str(STUDY), "-o", str(file)], check=True)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 2000})
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(file.as_uri())
        page.wait_for_selector("#chart svg")
        top = page.locator("#chart-title").evaluate("one => one.getBoundingClientRect().top") - MARGIN
        last_row = page.locator(f"#results tbody tr >> nth={NUM_ROWS - 1}")
        bottom = last_row.evaluate("one => one.getBoundingClientRect().bottom")
        shot = page.screenshot(clip={"x": 0, "y": top, "width": WIDTH, "height": bottom - top})
        browser.close()
    picture = Image.open(BytesIO(shot)).convert("RGB")
    picture.quantize(128).save(ROOT / "docs" / "images" / "page.png", optimize=True)


if __name__ == "__main__":
    main()
