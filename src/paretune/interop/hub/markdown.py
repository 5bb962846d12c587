"""Cards of the Hub: a head in YAML and a text in Markdown. Text from records is data in both."""

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

_STEERING = re.compile(r"[\\`*_{}\[\]#!|~$@^:]|(?<=www)\.")
"""What begins markup, a formula, an emoji, a name or a link inside a line. "<", ">" and "&" become entities."""
_OPENING = re.compile(r"(?:[-+=]|\d+(?=[.)]))")
"""What begins a list or underlines a heading at the start of a line."""


def literal(text: object) -> str:
    """Return text that Markdown shows as it is, on one line: no markup, no HTML, no link, no cell of a table ends."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())
    # Entities, so that no renderer that knows less Markdown than others finds a tag.
    found = _STEERING.sub(lambda match: f"\\{match[0]}", html.escape(line, quote=False))
    opening = _OPENING.match(found)
    if opening is None:
        return found
    place = opening.end() if opening[0].isdigit() else 0
    return f"{found[:place]}\\{found[place:]}"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def card(head: Any, body: str) -> str:
    """Return the text of a README.md: `head` is a `CardData` of huggingface_hub, `body` is Markdown."""
    return f"---\n{head.to_yaml()}\n---\n\n{body.strip()}\n"
