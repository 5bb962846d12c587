"""Tasks and methods from other packages, found through their entry points."""

import warnings
from collections.abc import Collection
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

Kind = TypeVar("Kind")


@cache
def load_plugins(group: str) -> dict[str, object]:
    """Return what the installed packages offer under an entry-point group, by name.

    One that cannot be imported is named in a warning, and the rest goes on.
    """
    found: dict[str, object] = {}
    for point in entry_points(group=group):
        try:
            found[point.name] = point.load()
        except Exception as error:  # nothing that a stranger's module does on import may end this program
            package = point.dist.name if point.dist is not None else "an unknown package"
            warnings.warn(f'plug-in "{point.name}" of {package} is left out: {error}', stacklevel=2)
    return found


@cache
def plugin_folders(group: str) -> dict[str, Path]:
    """Return the folder of the package behind each entry point of a group, by name. Nothing of a plug-in is imported.

    One that is a single module, or cannot be found, has none.
    """
    found: dict[str, Path] = {}
    for point in entry_points(group=group):
        spec = find_spec(point.module.partition(".")[0])
        for folder in (spec.submodule_search_locations if spec else None) or ():
            found.setdefault(point.name, Path(folder))
    return found


def plugin_classes(group: str, kind: type[Kind], taken: Collection[str]) -> dict[str, type[Kind]]:
    """Return the subclasses of `kind` that installed packages offer under an entry-point group, by name.

    What is no such class, or has a name that is `taken` already, is named in a warning and left out.
    """
    found: dict[str, type[Kind]] = {}
    for name, plugin in load_plugins(group).items():
        if not (isinstance(plugin, type) and issubclass(plugin, kind)):
            wanted = f"{kind.__module__}.{kind.__name__}"
            warnings.warn(
                f'plug-in "{name}" is left out: its entry point must name a subclass of {wanted}', stacklevel=2
            )
        elif name in taken:
            warnings.warn(f'plug-in "{name}" is left out: Paretune has something of that name', stacklevel=2)
        else:
            found[name] = plugin
    return found


def is_ours(thing: object) -> bool:
    """Tell whether an object's class is Paretune's own, not another package's."""
    return type(thing).__module__.partition(".")[0] == "paretune"
