"""Looks through a built site for links that lead nowhere, and for anything that a page would load from elsewhere."""

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"script": "src", "img": "src", "iframe": "src", "link": "href"}
_KEPT = "examples/*/*.html"
"""Pages of studies, copied as they are: each is one file that makes its links as it runs."""


class _Page(HTMLParser):
    """The links, loaded files and anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what a tag links to, loads or names."""
        values = {name: value for name, value in attrs if value}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in _LOADED and _LOADED[tag] in values and values.get("rel") != "canonical":
            self.loaded.append(values[_LOADED[tag]])


@cache
def _read(file: Path) -> _Page:
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def problems_of_site(site: Path) -> Iterator[str]:
    """Yield a line, PAGE: TARGET: what is wrong, for each problem of a built site."""
    kept = set(site.glob(_KEPT))
    for file in sorted(set(site.rglob("*.html")) - kept - {site / "404.html"}):
        name, page = file.relative_to(site).as_posix(), _read(file)
        for target in dict.fromkeys(page.loaded):
            if urlsplit(target).netloc:
                yield f"{name}: {target}: is loaded from elsewhere"
        for target in dict.fromkeys([*page.links, *page.loaded]):
            if problem := _problem(file, target):
                yield f"{name}: {target}: {problem}"


def _problem(file: Path, target: str) -> str | None:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return None
    linked = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if linked.is_dir():
        linked /= "index.html"
    if not linked.exists():
        return "there is no such file"
    anchor = unquote(parts.fragment)
    if anchor and linked.suffix == ".html" and anchor not in _read(linked).anchors:
        return f'there is no anchor "{anchor}"'
    return None
