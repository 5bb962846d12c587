"""The files that the page is made of."""

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


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
