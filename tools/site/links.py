"""Links and headings of Markdown files, outside of code."""

import re
from collections.abc import Callable, Iterator

_CODE = re.compile(r"(^```.*?^```[^\n]*$|`+[^`\n]+`+)", re.MULTILINE | re.DOTALL)
_FENCES = re.compile(r"^```.*?^```[^\n]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()(?P<target>[^()\s]+)(?=\))")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+?) *#*$", re.MULTILINE)
_LINKED = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def is_relative(target: str) -> bool:
    """Tell whether a link leads to a file of the same folder tree: no scheme, and not only an anchor."""
    return not _ELSEWHERE.match(target) and not target.startswith("//")


def replace_links(text: str, new_target: Callable[[str], str]) -> str:
    """Return a Markdown text with the target of every link outside of code replaced."""
    parts = _CODE.split(text)
    parts[::2] = [_LINK.sub(lambda link: new_target(link["target"]), part) for part in parts[::2]]
    return "".join(parts)


def targets(text: str) -> Iterator[str]:
    """Yield the target of every link outside of code."""
    for part in _CODE.split(text)[::2]:
        yield from (link["target"] for link in _LINK.finditer(part))


def anchors(text: str) -> set[str]:
    """Return the anchors of a Markdown text's headings, as Git hosts and the site make them.

    Of headings with the same text only the first has an anchor here: Git hosts and the site number others differently.
    """
    headings = (_LINKED.sub(r"\1", found["text"]) for found in _HEADING.finditer(_FENCES.sub("", text)))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
