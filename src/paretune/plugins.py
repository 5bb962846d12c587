"""Tasks and methods from other packages, found through their entry points."""

import warnings
from functools import cache
from importlib.metadata import entry_points


@cache
def load_plugins(group: str) -> dict[str, object]:
    """Return what the installed packages offer under an entry-point group, by name.

    One that cannot be imported is named in a warning, and the rest goes on.
    """
    found: dict[str, object] = {}
    for point in entry_points(group=group):
        try:
            found[point.name] = point.load()
        except Exception as error:  # whatever a stranger's module does while it is imported must not end this program
            package = point.dist.name if point.dist is not None else "an unknown package"
            warnings.warn(f'plug-in "{point.name}" of {package} is left out: {error}', stacklevel=2)
    return found
