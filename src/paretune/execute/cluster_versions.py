"""Whether nodes of a cluster have the packages that this process has: else records would differ for that reason."""

import platform
from collections.abc import Callable, Mapping
from functools import cache

from paretune.spec import InputError, Provenance

Probe = Callable[[], dict[str, str | None]]
"""Returns the versions of packages and of Python in the process that calls it; None of what is missing."""


def version_probe() -> Probe:
    """Return what finds out the versions of packages that can change a value.

    A function inside a function is sent as its code: nodes without Paretune can call it too.
    """
    from paretune.measure.provenance import PACKAGES

    names = PACKAGES

    def probe() -> dict[str, str | None]:
        import platform
        from importlib.metadata import PackageNotFoundError, version

        found: dict[str, str | None] = {"python": platform.python_version()}
        for name in names:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = None
        return found

    return probe


@cache
def versions_here() -> dict[str, str | None]:
    """Return the versions of this process, as a probe does."""
    return version_probe()()


def check_versions(found: Mapping[str, str | None], node: str) -> None:
    """Raise `InputError` where a node's versions differ from those here. Builds for another device may differ.

    Of Python, the last number may differ too.
    """
    for name, here in versions_here().items():
        there = found.get(name)
        if _without_build(name, here) != _without_build(name, there):
            raise InputError(
                f"node {node}: {name} {there or 'is missing'}, and here it is {here or 'missing'}; "
                "install the same versions on all nodes"
            )


def check_record(provenance: Provenance, node: str) -> None:
    """Raise `InputError` where a record was made with other versions than those here, or another commit of Paretune.

    Nodes that joined after the others were looked at are found out so.
    """
    from paretune.measure.provenance import paretune_commit

    known = {name for name, version in versions_here().items() if version is not None}
    found = {**dict.fromkeys(known), **provenance.packages, "python": provenance.python or platform.python_version()}
    check_versions(found, node)
    here, there = paretune_commit(), provenance.git_commit
    if here is not None and there is not None and here != there:
        raise InputError(
            f"node {node}: Paretune is at commit {there}, and here at {here}; install the same commit on all nodes"
        )


def _without_build(name: str, version: str | None) -> str | None:
    """Return a version without what names its build, such as +cu128."""
    if version is None:
        return None
    return ".".join(version.split(".")[:2]) if name == "python" else version.partition("+")[0]
