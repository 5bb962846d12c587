"""Tasks and methods from other packages, found through their entry points."""

import warnings
from collections.abc import Collection
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from paretune.spec.errors import one_line

Kind = TypeVar("Kind")


class PluginWarning(UserWarning):
    """Something of another package cannot be used, and is left out. One line; the command line prints it as it is."""


@cache
def load_plugins(group: str) -> dict[str, object]:
    """Return what the installed packages offer under an entry-point group, by name.

    One that cannot be imported is named in a `PluginWarning`, and the rest goes on.
    """
    found: dict[str, object] = {}
    for point in entry_points(group=group):
        try:
            found[point.name] = point.load()
        except (Exception, SystemExit) as error:  # nothing that a stranger's module does on import may end this program
            package = point.dist.name if point.dist is not None else "an unknown package"
            leave_out(point.name, one_line(error), f" of {package}")
    return found


def leave_out(name: str, reason: str, origin: str = "") -> None:
    """Warn that a plug-in is left out, on one line."""
    warnings.warn(f'plug-in "{name}"{origin} is left out: {reason}', PluginWarning, stacklevel=3)


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

    What is no such class, or has a name that is `taken` already, is named in a `PluginWarning` and left out. Each is
    named once.
    """
    return dict(_classes(group, kind, frozenset(taken)))  # type: ignore[arg-type] # a class is hashable


@cache
def _classes(group: str, kind: type[Kind], taken: frozenset[str]) -> dict[str, type[Kind]]:
    found: dict[str, type[Kind]] = {}
    for name, plugin in load_plugins(group).items():
        if not (isinstance(plugin, type) and issubclass(plugin, kind)):
            leave_out(name, f"its entry point must name a subclass of {kind.__module__}.{kind.__name__}")
        elif name in taken:
            leave_out(name, "Paretune has something of that name")
        else:
            found[name] = plugin
    return found


def is_ours(thing: object) -> bool:
    """Tell whether an object's class is Paretune's own, not another package's."""
    return type(thing).__module__.partition(".")[0] == "paretune"


def forget_plugins() -> None:
    """Look up entry points anew when they are asked for next."""
    load_plugins.cache_clear()
    _classes.cache_clear()
