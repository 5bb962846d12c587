"""The table of the recipe's keys in docs/guide/studies.md. `python -m tests.docs.recipe_table` writes it anew."""

import json
import re
from pathlib import Path
from typing import Literal, get_args, get_origin

from paretune.spec import Recipe

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "studies.md"
_BLOCK = re.compile(r"(<!-- recipe -->\n)(.*?)(<!-- /recipe -->)", re.DOTALL)


def recipe_table() -> str:
    """Return a row for each key of `[recipe]`: its default, the values it may have, and what it means."""
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for name, field in Recipe.model_fields.items():
        if name in {"image", "sharding"}:  # tables of their own
            continue
        default = "none" if field.default is None else f"`{json.dumps(field.default)}`"
        meaning = " ".join((field.description or "").split())
        values = [value for choice in _choices(field.annotation) for value in get_args(choice)]
        if values:
            meaning += f" One of {', '.join(f'`{json.dumps(value)}`' for value in values)}."
        lines.append(f"| `{name}` | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def _choices(annotation: object) -> list[object]:
    """Return the `Literal`s that a type is made of."""
    parts = [annotation, *get_args(annotation)]
    return [part for part in parts if get_origin(part) is Literal]


def with_table(text: str) -> str:
    """Return the guide with the table as it is today."""
    return _BLOCK.sub(lambda match: match[1] + recipe_table() + match[3], text)


if __name__ == "__main__":
    GUIDE.write_text(with_table(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
