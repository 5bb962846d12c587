"""What a reference to a base model says: `hub:NAME@REVISION`, `path:FOLDER`, `pypi:PACKAGE==VERSION` or `toy:KIND`."""

import re
from typing import Literal, NamedTuple, get_args

from paretune.spec import InputError, nearest

Kind = Literal["hub", "path", "pypi", "toy"]

FORMS: dict[str, str] = {
    "hub": "hub:NAME@REVISION",
    "path": "path:FOLDER",
    "pypi": "pypi:PACKAGE==VERSION",
    "toy": "toy:llama",
}

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
_REVISION = re.compile(r"[\w./-]+", re.ASCII)
_PACKAGE = re.compile(r"[\w.-]+", re.ASCII)
_TOYS = ("llama",)


class Reference(NamedTuple):
    """A reference taken apart."""

    kind: Kind
    name: str
    """Name on the hub, folder, package or kind of toy."""
    version: str | None
    """Revision on the hub or version of the package; None for the other kinds."""
    text: str
    """The reference as it was given."""


def parse(text: str) -> Reference:
    """Return a reference taken apart. Looks neither at files nor at the network. Raises `InputError` when malformed."""
    kind, colon, rest = text.partition(":")
    if not colon or kind not in get_args(Kind):
        forms = ", ".join(FORMS.values())
        hint = nearest(kind, FORMS) if colon else ""
        raise InputError(f'base model "{text}": not a reference{hint}; write one of {forms}')
    if kind == "hub":
        return _hub(text, rest)
    if kind == "pypi":
        return _pypi(text, rest)
    if kind == "toy":
        if rest not in _TOYS:
            raise InputError(f'base model "{text}": no toy is called "{rest}"; there is {", ".join(_TOYS)}')
        return Reference("toy", rest, None, text)
    if not rest:
        raise InputError(f'base model "{text}": the folder is missing; write {FORMS["path"]}')
    return Reference("path", rest, None, text)


def _hub(text: str, rest: str) -> Reference:
    name, _, revision = rest.partition("@")
    if not _NAME.fullmatch(name):
        raise InputError(f'base model "{text}": "{name}" is not a name on the hub; write {FORMS["hub"]}')
    if not _REVISION.fullmatch(revision):
        raise InputError(
            f'base model "{text}": the revision is missing; write {FORMS["hub"]}, for example hub:{name}@main'
        )
    return Reference("hub", name, revision, text)


def _pypi(text: str, rest: str) -> Reference:
    name, _, version = rest.partition("==")
    if not _PACKAGE.fullmatch(name):
        raise InputError(f'base model "{text}": "{name}" is not the name of a package; write {FORMS["pypi"]}')
    if not _PACKAGE.fullmatch(version):
        raise InputError(f'base model "{text}": the version is missing; write {FORMS["pypi"]}')
    return Reference("pypi", name.lower().replace("_", "-"), version, text)
