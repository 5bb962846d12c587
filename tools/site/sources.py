"""From files of the repository to the files that the site is built from, with links that lead to the right page."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from tools.site.links import anchors, is_relative, replace_links, targets

SOURCE_LINK = "https://github.com/paretune/paretune/{kind}/main/{path}"
"""Where links lead whose target is no page: code, studies, the licence."""

_HOME = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
_COPIED = ("*.md", "*.png", "*.svg", "examples/*/*.html")
_DECISIONS = "docs/decisions"
_INFO = re.compile(r"^```(\w+) .+$", re.MULTILINE)
_FIRST_SECTION = re.compile(r"^## ", re.MULTILINE)
_EMBEDDED = """<iframe class="study" src="{file}" title="{title}" loading="lazy"></iframe>

[{title} on a page of its own]({file})

"""


def pages(root: Path) -> dict[str, str]:
    """Return the path on the site, before it is built, of each file of the repository that becomes part of it."""
    docs = root / "docs"
    found = sorted({file for pattern in _COPIED for file in docs.rglob(pattern) if file.is_file()})
    inside = {file.relative_to(root).as_posix(): _place(file.relative_to(docs)) for file in found}
    return _HOME | inside


def _place(file: Path) -> str:
    """Put the README of an example next to its folder: the folder's own index.html is the page of the study."""
    return f"{file.parent.as_posix()}.md" if file.name == "README.md" else file.as_posix()


def broken_links(root: Path) -> Iterator[str]:
    """Yield a line, FILE: what is wrong, for each relative link to a file or heading that is not there."""
    for file in pages(root):
        if file.endswith(".md"):
            text = (root / file).read_text(encoding="utf-8")
            for target in targets(text):
                if is_relative(target) and (problem := _problem(root, file, target)):
                    yield f"{file}: {target}: {problem}"


def _problem(root: Path, file: str, target: str) -> str | None:
    path, _, anchor = target.partition("#")
    linked = root / (_resolve(file, path) if path else file)
    if not linked.exists():
        return "there is no such file"
    if anchor and anchor not in anchors(linked.read_text(encoding="utf-8")):
        return f'no heading has the anchor "{anchor}"'
    return None


def _resolve(file: str, target: str) -> str:
    return normpath(PurePosixPath(file).parent / target)


def write_pages(root: Path, folder: Path) -> None:
    """Write README, CONTRIBUTING and docs/ into a folder, with links that hold there and the studies' pages embedded.

    Raises `ValueError` for links to a file or heading that is not there.
    """
    if problems := list(broken_links(root)):
        raise ValueError("\n".join(problems))
    places = pages(root)
    for file, place in places.items():
        destination = folder / place
        destination.parent.mkdir(parents=True, exist_ok=True)
        if file.endswith(".md"):
            text = (root / file).read_text(encoding="utf-8")
            destination.write_text(_page(root, places, file, text), encoding="utf-8")
        else:
            shutil.copyfile(root / file, destination)
    (folder / "decisions" / "index.md").write_text(_list_of_decisions(root / _DECISIONS), encoding="utf-8")


def _page(root: Path, places: Mapping[str, str], file: str, text: str) -> str:
    """Return a file's text for the site."""

    def new_target(target: str) -> str:
        path, hash_sign, anchor = target.partition("#")
        if not is_relative(target) or not path:
            return target
        linked = _resolve(file, path)
        if linked == _DECISIONS:
            place: str | None = "decisions/index.md"
        else:
            place = places.get(linked)
        if place is None:
            kind = "tree" if (root / linked).is_dir() else "blob"
            return SOURCE_LINK.format(kind=kind, path=linked) + hash_sign + anchor
        return relpath(place, PurePosixPath(places[file]).parent) + hash_sign + anchor

    text = replace_links(_INFO.sub(r"```\1", text), new_target)
    kept = [target for target in targets(text) if is_relative(target) and target.endswith(".html")]
    return _with_studies(text, list(dict.fromkeys(kept)))


def _with_studies(text: str, files: list[str]) -> str:
    """Put the pages of studies that a text links to before its first section, each in a frame of its own."""
    if not files:
        return text
    frames = "".join(
        _EMBEDDED.format(file=file, title="The study" if len(files) == 1 else PurePosixPath(file).stem)
        for file in files
    )
    return _FIRST_SECTION.sub(lambda heading: frames + heading[0], text, count=1)


def _list_of_decisions(folder: Path) -> str:
    """Return a page that lists the decisions by their headings."""
    lines = ["# Decisions", "", "Why things are as they are, with what was measured.", ""]
    for file in sorted(folder.glob("[0-9]*.md")):
        heading = file.read_text(encoding="utf-8").partition("\n")[0]
        number, _, title = heading.removeprefix("# ").partition(". ")
        lines.append(f"- {number}: [{title}]({file.name})")
    return "\n".join([*lines, ""])
