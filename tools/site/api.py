"""The pages of the Python reference: which objects each one shows, read from the source without importing it.

What stands on them comes from signatures and docstrings, through mkdocstrings.
"""

from pathlib import Path
from typing import Any

_DOCSTRING_ALONE = """::: {name}
    options:
      show_root_heading: false
      show_root_toc_entry: false
      members: false
"""
_OBJECT = """::: {name}
    options:
      heading_level: 3
"""


def python_reference(package: Any) -> str:
    """Return the page of the public names of `paretune` and of what its functions return."""
    public = [_target(package[name]) for name in package.exports]
    functions = [one for one in public if one.is_function]
    classes = [one for one in public if one.is_class]
    returned = {path: None for function in functions for path in _returned(package, function)}
    shown = {one.path for one in public}
    sections = {
        "Functions": [f"paretune.{one.name}" for one in functions],
        "Classes": [f"paretune.{one.name}" for one in classes],
        "What the functions return": [path for path in returned if path not in shown],
    }
    return _page("Python", "paretune", sections)


def testing_reference(package: Any) -> str:
    """Return the page of `paretune.testing`."""
    names = [f"paretune.testing.{name}" for name in package["testing"].exports]
    return _page("Contract tests", "paretune.testing", {"What it holds": names})


def load_package(sources: Path) -> Any:
    """Return the package as griffe reads it from a folder of sources."""
    import griffe

    return griffe.load("paretune", search_paths=[sources], allow_inspection=False)


def _target(found: Any) -> Any:
    return found.final_target if found.is_alias else found


def _returned(package: Any, function: Any) -> list[str]:
    """Return the full names of the package's classes in what a function returns."""
    names = [part.canonical_path for part in function.returns.iterate(flat=True) if hasattr(part, "canonical_path")]
    own = [name.removeprefix("paretune.") for name in names if name.startswith("paretune.")]
    return [_target(package[name]).path for name in own]


def _page(title: str, module: str, sections: dict[str, list[str]]) -> str:
    lines = [f"# {title}", "", _DOCSTRING_ALONE.format(name=module)]
    for heading, names in sections.items():
        lines += [f"## {heading}", "", *(_OBJECT.format(name=name) for name in names)]
    return "\n".join(lines)
