"""Builds the site into a folder, and fails for any warning, broken link or file from elsewhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.site.api import load_package, python_reference, testing_reference
from tools.site.commands import command_reference
from tools.site.links_of_site import problems_of_site
from tools.site.sources import write_pages

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "site"
_PAGES = ROOT / "build" / "pages"
_STYLE = Path(__file__).with_name("site.css")


def build_site() -> Path:
    """Write the site and return its folder.

    Raises `ValueError` with a line for each broken link, missing anchor and file that a page would load from elsewhere,
    and `subprocess.CalledProcessError` where MkDocs warns.
    """
    shutil.rmtree(_PAGES, ignore_errors=True)
    write_pages(ROOT, _PAGES)
    package = load_package(ROOT / "src")
    made = {
        "reference/commands.md": command_reference(),
        "reference/python.md": python_reference(package),
        "extend/contract-tests.md": testing_reference(package),
    }
    for file, text in made.items():
        (_PAGES / file).write_text(text, encoding="utf-8")
    shutil.copyfile(_STYLE, _PAGES / _STYLE.name)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean", "--quiet"]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    if problems := list(problems_of_site(SITE)):
        raise ValueError("\n".join(problems))
    return SITE
