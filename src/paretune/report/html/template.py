"""The files that the page is made of."""

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(?P<name>[\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const|class|function|async)", re.MULTILINE)


def asset(name: str) -> str:
    """Return the text of a file in this folder."""
    return (files("paretune.report.html") / name).read_text(encoding="utf-8")


def template(name: str) -> "jinja2.Template":
    """Return a template that escapes everything that is put into it, and refuses names that it is not given."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(asset(name))


@cache
def script(entry: str = "main.js") -> str:
    """Return a module of the folder js with all that it imports as the text of one module, which imports nothing.

    Modules stand in the order in which they need each other; they share one scope, so that no two may declare the same
    name. Nothing else is changed.
    """
    found: dict[str, str] = {}
    _add(entry, found)
    return "\n".join(found.values())


def _add(name: str, found: dict[str, str]) -> None:
    """Add a module behind those that it imports, each once. A circle of imports ends where it closes."""
    if name in found:
        return
    text = asset(f"js/{name}")
    found[name] = ""
    for match in _IMPORT.finditer(text):
        _add(match["name"], found)
    del found[name]
    found[name] = _EXPORT.sub("", _IMPORT.sub("", text))
